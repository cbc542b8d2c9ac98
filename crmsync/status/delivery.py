"""Delivers a meeting's document to its owner: from Redis while valid, else from the rows."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language
from redis.exceptions import RedisError
from rest_framework.renderers import JSONRenderer

from accounts.cache import counters, generation
from accounts.cache.key_lock import key_lock
from crmsync.connections import store
from crmsync.models import SyncRun
from crmsync.status import cache, surroundings
from crmsync.status.document import describe
from crmsync.status.reader import Reader
from crmsync.status.serializers import SyncSerializer
from crmsync.status.state import poll_after, valid_until
from crmsync.status.surroundings import Surroundings
from meetings.models import Meeting

REVISION_LENGTH = 10


@dataclass(frozen=True)
class Document:
    """`body` is JSON. `etag` is weak: `poll_after` differs while the state does not."""

    body: str
    etag: str
    revision: str
    poll_after: int
    versions: Sequence[int] = ()
    valid_until: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {
            "ETag": self.etag,
            "Cache-Control": "no-cache, private",
            "Retry-After": str(self.poll_after),
        }


def read(
    meeting_id: int,
    reader: Reader,
    names: Sequence[str] = (),
    entries: Sequence[bytes | None] = (),
) -> Document | None:
    """None if the reader has no such meeting. `entries`: what Redis just returned for `names`."""
    now = timezone.now()
    cached = cache.get(entries, meeting_id, reader, now) if entries else None
    counters.count("cache", "document", "hit" if cached else "miss")
    names = names or keys(meeting_id, reader.user_id)
    return finish(cached or _load(meeting_id, reader, names, now), now)


def keys(meeting_id: int, user_id: int) -> list[str]:
    """The Redis keys whose entries read() takes.

    They are named before the reader is known, so by the language that the request asks for. The
    document says itself which terms it is in.
    """
    return cache.keys(meeting_id, user_id, get_language() or "")


def build(
    meeting: Meeting,
    run: SyncRun | None,
    now: datetime,
    time_zone: str = "",
    around: Surroundings | None = None,
) -> dict[str, Any]:
    """As its owner reads it. `meeting` needs their connection, `run` is its latest."""
    time_zone = meeting.user.time_zone or time_zone
    connection = store.for_user(meeting.user)
    around = surroundings.read(run, now) if around is None else around
    described = describe(meeting, run, connection, now, time_zone=time_zone, around=around)
    return SyncSerializer(described).data


def _load(
    meeting_id: int, reader: Reader, names: Sequence[str], now: datetime
) -> cache.CachedDocument | None:
    try:
        with key_lock(names[-1]):
            entries = generation.read(names)
            return cache.get(entries, meeting_id, reader, now) or _read_and_store(
                meeting_id, reader, names[-1], now
            )
    except RedisError:
        return _read_rows(meeting_id, reader, now)[0]


def _read_and_store(
    meeting_id: int, reader: Reader, key: str, now: datetime
) -> cache.CachedDocument | None:
    cached, meeting = _read_rows(meeting_id, reader, now)
    if cached is not None and meeting is not None:
        cache.store(meeting, key, cached)
    return cached


def finish(cached: cache.CachedDocument | None, now: datetime) -> Document | None:
    """Adds `poll_after`, which differs from poll to poll."""
    if cached is None:
        return None
    at = cached["next_attempt_at"]
    seconds = poll_after(
        cached["state"], cached.get("reason"), parse_datetime(at) if at else None, now
    )
    body = f'{cached["body"][:-1]},"poll_after":{seconds}}}'
    return Document(
        body,
        cached["etag"],
        cached["revision"],
        seconds,
        cached["versions"],
        cached["valid_until"],
    )


def _read_rows(
    meeting_id: int, reader: Reader, now: datetime
) -> tuple[cache.CachedDocument | None, Meeting | None]:
    """The document, and the meeting it is of."""
    # One statement: two could read different moments, say "synced" with a step in progress.
    latest = SyncRun.objects.latest_of(meeting_id).filter(meeting__user=reader.user_id)
    run = latest.select_related("meeting__user__connection", "connection__host").first()
    meeting: Any = run.meeting if run else _read_meeting(meeting_id, reader.user_id)
    if run is None and meeting is not None and meeting.has_runs:
        return _read_rows(meeting_id, reader, now)  # Its first run has just been requested.
    return (None if meeting is None else make(meeting, run, reader, now)), meeting


def _read_meeting(meeting_id: int, user_id: int) -> Any:
    """The meeting and, in the same statement, whether it has runs."""
    own = Meeting.objects.owned_by(user_id).select_related("user__connection")
    has_runs = Exists(SyncRun.objects.filter(meeting=OuterRef("pk")))
    return own.filter(pk=meeting_id).annotate(has_runs=has_runs).first()


def _revision_of(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(JSONRenderer().render(data)).hexdigest()[:REVISION_LENGTH]


def make(
    meeting: Meeting,
    run: SyncRun | None,
    reader: Reader,
    now: datetime,
    around: Surroundings | None = None,
) -> cache.CachedDocument:
    """`around`, if it was read together with that of others."""
    data = build(meeting, run, now, reader.time_zone, around)
    until = valid_until(run, now, reader.time_zone)
    link = getattr(meeting.user, "connection", None)  # Also a disconnected one.
    del data["poll_after"], data["revision"]
    data["revision"] = _revision_of(data)
    body = JSONRenderer().render(data)
    return cache.CachedDocument(
        meeting_id=meeting.pk,
        terms=reader.terms,
        versions=[meeting.version, link.version if link else 0],
        valid_until=until.isoformat() if until else None,
        etag=f'W/"{data["revision"]}"',
        revision=data["revision"],
        state=data["state"],
        reason=data["reason"],
        next_attempt_at=data["next_attempt_at"],
        body=body.decode(),
    )
