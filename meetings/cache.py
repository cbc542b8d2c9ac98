"""What is polled, kept in Redis: a copy never older than what was committed when the poll began.

Every entry starts with the version of the meeting it was read at, and nothing replaces an entry
with a lower one. Before a transition commits, a fence of the new version and without a copy takes
the place of the old entry: from then on readers ask the database, and a reader who was slow to
store what it read earlier is refused. After the commit the new copy is written over the fence.
Should the writer die in between, any reader that sees the new version may replace the fence.
"""

import json
from contextlib import suppress
from typing import Any, TypedDict, cast

from django.db.models.signals import post_delete, pre_delete
from django_redis import get_redis_connection
from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError

from meetings.models import Meeting

KEPT_FOR = 30  # Seconds. Bounds what a change made while Redis was away can go unnoticed.

AFTER_THE_LAST = 2**52  # A deleted meeting has no further versions. Lua counts exactly up to 2**53.

REPLACE_UNLESS_NEWER = """
local kept = redis.call('GET', KEYS[1])
if kept and tonumber(string.match(kept, '^%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'EX', ARGV[3])
return 1
"""


class Snapshot(TypedDict):
    id: int
    user_id: int
    version: int
    in_progress_sync_status: int | None
    last_sync_success: bool | None


def look_up(meeting_id: int) -> Snapshot | None:
    """The meeting as it stands, or None where there is none."""
    try:
        found = _find(meeting_id)
    except RedisError:
        return read(meeting_id)
    return found or _read_and_keep(meeting_id)


def read(meeting_id: int) -> Snapshot | None:
    row = Meeting.objects.filter(pk=meeting_id).values(*Snapshot.__annotations__).first()
    return cast(Snapshot | None, row)


def keep(snapshot: Snapshot) -> None:
    _replace(snapshot["id"], snapshot["version"], json.dumps(snapshot))


def fence(meeting_id: int, version: int) -> None:
    _replace(meeting_id, version, "")


def _read_and_keep(meeting_id: int) -> Snapshot | None:
    snapshot = read(meeting_id)
    if snapshot is not None:
        keep(snapshot)
    return snapshot


def _find(meeting_id: int) -> Snapshot | None:
    kept = get_redis_connection("default").get(_key(meeting_id))
    _, _, copy = (kept or b"").partition(b" ")
    return json.loads(copy) if copy else None


def _replace(meeting_id: int, version: int, copy: str) -> None:
    client, key = get_redis_connection("default"), _key(meeting_id)
    try:
        client.eval(REPLACE_UNLESS_NEWER, 1, key, version, copy, KEPT_FOR)
    except OutOfMemoryError:
        _remove(client, key)
    except RedisError:
        return  # What is there ends within KEPT_FOR.


def _remove(client: Redis, key: str) -> None:
    """A full server takes no fence, but nor does it take an outdated copy after this."""
    with suppress(RedisError):
        client.delete(key)


def _key(meeting_id: int) -> str:
    return f"meeting:{meeting_id}"


def _fence_off_deleted(instance: Meeting, **_: Any) -> None:
    if instance.pk:
        fence(instance.pk, AFTER_THE_LAST)


pre_delete.connect(_fence_off_deleted, sender=Meeting)
post_delete.connect(_fence_off_deleted, sender=Meeting)
