"""The document of a meeting as its owner gets it: from Redis while it holds, or from the rows."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language
from rest_framework.renderers import JSONRenderer

from crmsync import cache, connections, records
from crmsync.models import SyncRun
from crmsync.serializers import SyncSerializer
from crmsync.state import changes_at, describe, poll_after
from meetings.models import Meeting


@dataclass(frozen=True)
class Document:
    """`etag` is weak: the seconds until the next poll differ while their state does not."""

    data: dict[str, Any]
    etag: str

    @property
    def headers(self) -> dict[str, str]:
        headers = {"ETag": self.etag, "Cache-Control": "no-cache, private"}
        if self.data["poll_after"] is not None:
            headers["Retry-After"] = str(self.data["poll_after"])
        return headers


def read(meeting_id: int, user_id: int) -> Document | None:
    """None where the user has no such meeting."""
    kept = cache.find(meeting_id, user_id, _language(), timezone.now())
    if kept is None:
        return _read_rows(meeting_id, user_id)
    at = kept["document"]["next_attempt_at"]
    seconds = poll_after(kept["document"]["state"], at and parse_datetime(at), timezone.now())
    return Document({**kept["document"], "poll_after": seconds}, kept["etag"])


def of(meeting: Meeting, run: SyncRun | None) -> dict[str, Any]:
    """`meeting` needs its owner's connection, `run` is its latest."""
    connection = connections.of(meeting.user)
    written = list(records.of_meeting(meeting))
    described = describe(meeting, run, connection, timezone.now(), written)
    return SyncSerializer(described).data


def _read_rows(meeting_id: int, user_id: int) -> Document | None:
    # One statement, because two would see two moments: done, with a step still in progress.
    latest = SyncRun.objects.latest_of(meeting_id).filter(meeting__user=user_id)
    run = latest.select_related("meeting__user__connection", "connection").first()
    meeting = run.meeting if run else _read_meeting(meeting_id, user_id)
    if meeting is None:
        return None
    data = of(meeting, run)
    etag = _etag(data)
    _keep(meeting, run, data, etag)
    return Document(data, etag)


def _read_meeting(meeting_id: int, user_id: int) -> Meeting | None:
    own = Meeting.objects.owned_by(user_id).select_related("user__connection")
    return own.filter(pk=meeting_id).first()


def _keep(meeting: Meeting, run: SyncRun | None, data: dict[str, Any], etag: str) -> None:
    link = getattr(meeting.user, "connection", None)  # Also one that was disconnected.
    until = changes_at(run, timezone.now())
    kept = cache.Kept(
        stamp=[meeting.version, link.version if link else 0],
        changes_at=until.isoformat() if until else None,
        etag=etag,
        document=data,
    )
    cache.keep(meeting, _language(), kept)


def _etag(data: dict[str, Any]) -> str:
    stable = JSONRenderer().render({**data, "poll_after": None})
    return f'W/"{hashlib.sha256(stable).hexdigest()[:32]}"'


def _language() -> str:
    return get_language() or ""
