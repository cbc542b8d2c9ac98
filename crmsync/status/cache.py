"""The document of a poll, kept in Redis for every language it was asked for in.

A document is stamped with the versions of the meeting and of its owner's connection that it was
made of. It counts while both are still the ones that versioned.py vouches for, and until the moment
that changes it without a change of any row.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from django.utils.dateparse import parse_datetime

from accounts.cache import versioned
from crmsync.connections import cache as connection_cache
from meetings import cache as meeting_cache
from meetings.models import Meeting


class Kept(TypedDict):
    """`stamp`: the versions of meeting and connection. The moments are ISO 8601, or None.

    `body` is the document as JSON, but for `poll_after`: that comes from `state` and
    `next_attempt_at` whenever somebody asks.
    """

    stamp: list[int]
    changes_at: str | None
    etag: str
    state: str
    next_attempt_at: str | None
    body: str


def keys(meeting_id: int, user_id: int, language: str) -> list[str]:
    """What find() wants to be given the entries of."""
    return [
        meeting_cache.key(meeting_id),
        connection_cache.key(user_id),
        _document(meeting_id, language),
    ]


def find(entries: Sequence[bytes | None], user_id: int, now: datetime) -> Kept | None:
    """The document as it stands, if it is known and the user's own."""
    meeting, connection, kept = map(versioned.read, entries)
    if kept is None or meeting is None or meeting["user_id"] != user_id:
        return None
    return kept if kept["stamp"] == [meeting["version"], connection] and _holds(kept, now) else None


def keep(meeting: Meeting, language: str, kept: Kept) -> None:
    """`meeting` and `kept` come from one reading of the rows."""
    meeting_version, connection_version = kept["stamp"]
    meeting_cache.keep(meeting_cache.snapshot_of(meeting))
    versioned.keep(connection_cache.key(meeting.user_id), connection_version, connection_version)
    versioned.keep(_document(meeting.pk, language), meeting_version, kept)


def _holds(kept: Kept, now: datetime) -> bool:
    changes_at = parse_datetime(kept["changes_at"]) if kept["changes_at"] else None
    return changes_at is None or now < changes_at


def _document(meeting_id: int, language: str) -> str:
    return f"document:{meeting_id}:{language}"
