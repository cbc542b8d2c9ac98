"""The meeting look-up of polls, cached in Redis as versioned.py describes."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, TypedDict, cast

from django.db import transaction
from django.db.models.signals import post_delete, pre_delete
from redis.exceptions import RedisError

from accounts.cache import counters, versioned
from accounts.cache.key_lock import key_lock
from meetings.models import Meeting


class Snapshot(TypedDict):
    id: int
    user_id: int
    version: int
    in_progress_sync_status: int | None
    last_sync_success: bool | None


COLUMNS = tuple(Snapshot.__annotations__)


def get(meeting_id: int, entry: bytes | None = None) -> Snapshot | None:
    """The current snapshot; None if there is no such meeting. `entry`: what Redis just returned."""
    found = _of(meeting_id, versioned.decode(entry))
    counters.count("cache", "meeting", "hit" if found else "miss")
    return found or _load(meeting_id)


def read(meeting_id: int) -> Snapshot | None:
    row = Meeting.objects.filter(pk=meeting_id).values(*COLUMNS).first()
    return cast(Snapshot | None, row)


def snapshot_of(meeting: Meeting) -> Snapshot:
    values = {name: getattr(meeting, name) for name in COLUMNS}
    return cast(Snapshot, values)


def snapshot_from(*row: Any) -> Snapshot:
    """`row`: COLUMNS as a database without booleans may return them."""
    snapshot = cast(Snapshot, dict(zip(COLUMNS, row, strict=True)))
    success = snapshot["last_sync_success"]
    return {**snapshot, "last_sync_success": None if success is None else bool(success)}


def store(snapshot: Snapshot) -> None:
    versioned.store(key(snapshot["id"]), snapshot["version"], snapshot)


def invalidate(meeting_id: int, version: int) -> None:
    versioned.invalidate(key(meeting_id), version)


def invalidate_many(versions: Mapping[int, int]) -> None:
    """`versions`: of meetings, by id."""
    keys = {key(pk): version for pk, version in versions.items()}
    versioned.invalidate_many(keys)
    transaction.on_commit(partial(versioned.announce, list(keys)))


def invalidate_deleted(meeting_ids: Iterable[int]) -> None:
    invalidate_many(dict.fromkeys(meeting_ids, versioned.TOMBSTONE_VERSION))


def key(meeting_id: int) -> str:
    return f"meeting:{meeting_id}"


def _of(meeting_id: int, found: Snapshot | None) -> Snapshot | None:
    """A copy counts only for the meeting it is of, wherever in Redis somebody put it."""
    return found if found and found["id"] == meeting_id else None


def _load(meeting_id: int) -> Snapshot | None:
    try:
        with key_lock(key(meeting_id)):
            (found,) = versioned.get_many([key(meeting_id)])
            return _of(meeting_id, found) or _read_and_store(meeting_id)
    except RedisError:
        return read(meeting_id)


def _read_and_store(meeting_id: int) -> Snapshot | None:
    snapshot = read(meeting_id)
    if snapshot is not None:
        store(snapshot)
    return snapshot


def _invalidate_deleted(instance: Meeting, **_: Any) -> None:
    if instance.pk:
        invalidate_deleted([instance.pk])


pre_delete.connect(_invalidate_deleted, sender=Meeting)
post_delete.connect(_invalidate_deleted, sender=Meeting)
