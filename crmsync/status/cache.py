"""The document of a poll, cached in Redis for every language it was asked for in.

A document carries the versions of the meeting and of its owner's connection that it was
made of. It is valid while both versions are current in versioned.py, and until the time when it
would change without a change of any row.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from django.conf import settings
from django.utils.dateparse import parse_datetime
from redis.exceptions import RedisError

from accounts.cache import versioned
from accounts.cache.client import redis_client
from crmsync.connections import cache as connection_cache
from crmsync.status.reader import Reader
from meetings import cache as meeting_cache
from meetings.models import Meeting


class CachedDocument(TypedDict):
    """`versions`: of meeting and connection. `terms`: language and time zone of its texts.

    Times are ISO 8601, or None.

    `body` is the document as JSON without `poll_after`, which is computed from `state`,
    `reason` and `next_attempt_at` at every poll.
    """

    meeting_id: int
    terms: list[str]
    versions: list[int]
    valid_until: str | None
    etag: str
    revision: str
    state: str
    reason: NotRequired[str | None]  # Copies of older versions have none.
    next_attempt_at: str | None
    body: str


def keys(meeting_id: int, user_id: int, language: str) -> list[str]:
    """The keys whose entries get() takes. `language` is what the request asks for."""
    return [
        meeting_cache.key(meeting_id),
        connection_cache.key(user_id),
        _document(meeting_id, language),
    ]


def get(
    entries: Sequence[bytes | None], meeting_id: int, reader: Reader, now: datetime
) -> CachedDocument | None:
    """The current document, if it is cached, belongs to the reader and is in their terms.

    A copy counts only for the meeting it is of, wherever in Redis somebody put it.
    """
    meeting, connection, cached = map(versioned.decode, entries)
    if cached is None or meeting is None or meeting["user_id"] != reader.user_id:
        return None
    if "revision" not in cached:  # A copy of an older version.
        return None
    if {meeting["id"], cached.get("meeting_id")} != {meeting_id}:
        return None
    if cached.get("terms") != reader.terms:
        return None
    return (
        cached
        if cached["versions"] == [meeting["version"], connection] and _holds(cached, now)
        else None
    )


def keys_of_many(meeting_ids: Sequence[int], user_id: int, language: str) -> list[str]:
    """The key of the connection, then two for each meeting."""
    own = (keys(pk, user_id, language) for pk in meeting_ids)
    return [
        connection_cache.key(user_id),
        *(key for meeting, _, key2 in own for key in (meeting, key2)),
    ]


def get_many(
    entries: Sequence[bytes | None], meeting_ids: Sequence[int], reader: Reader, now: datetime
) -> dict[int, CachedDocument]:
    """`entries`: of keys_of_many()."""
    connection, *rest = entries
    pairs = zip(meeting_ids, rest[::2], rest[1::2], strict=True)
    found = {pk: get((meeting, connection, own), pk, reader, now) for pk, meeting, own in pairs}
    return {pk: cached for pk, cached in found.items() if cached}


def store(meeting: Meeting, key: str, cached: CachedDocument) -> None:
    """`meeting` and `cached` must come from the same read. `key`: the last one of keys()."""
    store_many([(meeting, key, cached)])


def store_many(documents: Sequence[tuple[Meeting, str, CachedDocument]]) -> None:
    entries: list[tuple[str, int, Any]] = []
    for meeting, key, cached in documents:
        meeting_version, connection_version = cached["versions"]
        snapshot = meeting_cache.snapshot_of(meeting)
        entries += [
            (meeting_cache.key(meeting.pk), meeting_version, snapshot),
            (connection_cache.key(meeting.user_id), connection_version, connection_version),
            (key, meeting_version, cached),
        ]
    versioned.store_many(entries)


def forget(meeting_ids: Sequence[int]) -> None:
    """Removes the documents of deleted meetings, which nobody gets, but which name people."""
    languages = [language for language, _ in settings.LANGUAGES]
    names = [_document(pk, language) for pk in meeting_ids for language in languages]
    with suppress(RedisError):
        redis_client().delete(*names)


def _holds(cached: CachedDocument, now: datetime) -> bool:
    valid_until = parse_datetime(cached["valid_until"]) if cached["valid_until"] else None
    return valid_until is None or now < valid_until


def _document(meeting_id: int, language: str) -> str:
    return f"document:{meeting_id}:{language}"
