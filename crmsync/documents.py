"""The document of a meeting as its owner gets it: from Redis while it holds, or from the rows."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language
from redis.exceptions import RedisError
from rest_framework.renderers import JSONRenderer

from accounts import usage
from crmsync import cache, connections
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
    try:
        kept = cache.find(meeting_id, user_id, _language(), timezone.now())
    except RedisError:
        return _read_rows(meeting_id, user_id)[0]
    usage.count("cache", "document", "hit" if kept else "miss")
    if kept is None:
        return _read_and_keep(meeting_id, user_id)
    at = kept["document"]["next_attempt_at"]
    seconds = poll_after(kept["document"]["state"], at and parse_datetime(at), timezone.now())
    return Document({**kept["document"], "poll_after": seconds}, kept["etag"])


def of(meeting: Meeting, run: SyncRun | None, now: datetime) -> dict[str, Any]:
    """`meeting` needs its owner's connection, `run` is its latest."""
    return SyncSerializer(describe(meeting, run, connections.of(meeting.user), now)).data


def _read_and_keep(meeting_id: int, user_id: int) -> Document | None:
    document, meeting, until = _read_rows(meeting_id, user_id)
    if document is not None and meeting is not None:
        _keep(meeting, document, until)
    return document


def _read_rows(
    meeting_id: int, user_id: int
) -> tuple[Document | None, Meeting | None, datetime | None]:
    """The document, the meeting it is of, and when it changes by itself."""
    # One statement, because two would see two moments: done, with a step still in progress.
    latest = SyncRun.objects.latest_of(meeting_id).filter(meeting__user=user_id)
    run = latest.select_related("meeting__user__connection", "connection").first()
    meeting = run.meeting if run else _read_meeting(meeting_id, user_id)
    if meeting is None:
        return None, None, None
    now = timezone.now()
    return _with_etag(of(meeting, run, now)), meeting, changes_at(run, now)


def _read_meeting(meeting_id: int, user_id: int) -> Meeting | None:
    own = Meeting.objects.owned_by(user_id).select_related("user__connection")
    return own.filter(pk=meeting_id).first()


def _keep(meeting: Meeting, document: Document, until: datetime | None) -> None:
    link = getattr(meeting.user, "connection", None)  # Also one that was disconnected.
    kept = cache.Kept(
        stamp=[meeting.version, link.version if link else 0],
        changes_at=until.isoformat() if until else None,
        etag=document.etag,
        document=document.data,
    )
    cache.keep(meeting, _language(), kept)


def _with_etag(data: dict[str, Any]) -> Document:
    stable = JSONRenderer().render({**data, "poll_after": None})
    return Document(data, f'W/"{hashlib.sha256(stable).hexdigest()[:32]}"')


def _language() -> str:
    return get_language() or ""
