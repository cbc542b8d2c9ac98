"""One request, and the answer that it must get."""

from dataclasses import dataclass, replace

from benchmarks.polls.rows import Polled


@dataclass(frozen=True)
class Poll:
    """`body` without its blanks; None: any."""

    path: str
    authorization: str
    status: int = 200
    body: str | None = None
    etag: str = ""

    @property
    def headers(self) -> dict[str, str]:
        condition = {"If-None-Match": self.etag} if self.etag else {}
        return {"Authorization": self.authorization, **condition}

    def is_answered_by(self, status: int, body: bytes) -> bool:
        if status != self.status:
            return False
        return self.body is None or "".join(body.decode().split()) == self.body

    def unless_changed(self, etag: str) -> "Poll":
        return replace(self, etag=etag, status=304, body="")


def sync_status(polled: Polled) -> Poll:
    body = f'{{"in_progress_sync_status":{polled.step or "null"}}}'
    return Poll(f"/meetings/{polled.meeting_id}/sync_status", polled.token, body=body)


def sync_status_as_bearer(polled: Polled) -> Poll:
    return replace(sync_status(polled), authorization=f"Bearer {polled.token}")


def document(polled: Polled) -> Poll:
    return Poll(f"/meetings/{polled.meeting_id}/sync", polled.token)
