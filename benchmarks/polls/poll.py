"""One request, and the answer that it must get."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.polls.rows import Polled


@dataclass(frozen=True)
class Poll:
    path: str
    authorization: str
    status: int = 200
    body: str | None = None  # None: any.
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


PollOf = Callable[[Polled], Poll]


def sync_status(polled: Polled) -> Poll:
    return _field(polled, "sync_status", "in_progress_sync_status")


def last_sync_success(polled: Polled) -> Poll:
    return _field(polled, "last_sync_success", "last_sync_success")


def sync_status_as_bearer(polled: Polled) -> Poll:
    return replace(sync_status(polled), authorization=f"Bearer {polled.token}")


def document(polled: Polled) -> Poll:
    return Poll(_path(polled, "sync"), polled.token)


def _field(polled: Polled, action: str, name: str) -> Poll:
    return Poll(_path(polled, action), polled.token, body=_compact({name: getattr(polled, name)}))


def _path(polled: Polled, action: str) -> str:
    return f"/meetings/{polled.meeting_id}/{action}"


def _compact(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
