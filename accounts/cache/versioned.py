"""Copies of rows in Redis that are never older than what was committed when the reading began.

Every entry starts with the version of its row, and nothing replaces an entry with a
lower one. Before a change commits, an empty entry with the new version (a fence) replaces
the old one: from then on readers ask the database, and a slow reader who stores what it
read earlier is refused. After the commit the new copy replaces the fence. Should the writer
die in between, any reader of the new version may replace the fence.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from django_redis import get_redis_connection
from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError

# Seconds. Bounds how long a change made while Redis was down can go unnoticed. Longer than a
# poller waits between two polls.
TTL_SECONDS = 90

BATCH = 1000  # Commands that are sent at once.
TOMBSTONE_VERSION = 2**52  # A deleted row has no further versions. Lua counts exactly up to 2**53.

REPLACE_UNLESS_NEWER = """
local kept = redis.call('GET', KEYS[1])
if kept and tonumber(string.match(kept, '^%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'EX', ARGV[3])
return 1
"""


def get_many(keys: Sequence[str]) -> list[Any]:
    """The copies, None for each missing one. Raises RedisError."""
    return [decode(entry) for entry in get_redis_connection("default").mget(keys)]


def decode(entry: bytes | None) -> Any:
    """The copy in an entry; None for a missing entry or a fence."""
    copy = (entry or b"").partition(b" ")[2]
    return json.loads(copy) if copy else None


def store(key: str, version: int, copy: Any) -> None:
    store_many({key: (version, copy)})


def invalidate(key: str, version: int) -> None:
    invalidate_many({key: version})


def store_many(copies: Mapping[str, tuple[int, Any]]) -> None:
    """`copies`: by key, each with its version."""
    _replace_many([(key, version, json.dumps(copy)) for key, (version, copy) in copies.items()])


def invalidate_many(versions: Mapping[str, int]) -> None:
    _replace_many([(key, version, "") for key, version in versions.items()])


def _replace_many(entries: Sequence[tuple[str, int, str]]) -> None:
    client = get_redis_connection("default")
    try:
        for start in range(0, len(entries), BATCH):
            _replace_batch(client, entries[start : start + BATCH])
    except RedisError:
        return  # The entries expire after TTL_SECONDS.


def _replace_batch(client: Redis, entries: Sequence[tuple[str, int, str]]) -> None:
    pipeline = client.pipeline(transaction=False)
    for key, version, text in entries:
        pipeline.eval(REPLACE_UNLESS_NEWER, 1, key, version, text, TTL_SECONDS)
    for (key, *_), result in zip(entries, pipeline.execute(raise_on_error=False), strict=True):
        if isinstance(result, OutOfMemoryError):
            _remove(client, key)


def _remove(client: Redis, key: str) -> None:
    """A full server refuses the fence, but deletes an outdated copy."""
    with suppress(RedisError):
        client.delete(key)
