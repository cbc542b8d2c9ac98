"""Copies of rows in Redis that are never older than what was committed when the reading began.

Every entry starts with the version of the row it was read at, and nothing replaces an entry with a
lower one. Before a change commits, a fence of the new version and without a copy takes the place of
the old entry: from then on readers ask the database, and a reader who was slow to store what it
read earlier is refused. After the commit the new copy is written over the fence. Should the writer
die in between, any reader that sees the new version may replace the fence.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django_redis import get_redis_connection
from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError

# Seconds. Bounds what a change made while Redis was away can go unnoticed, and is longer than a
# poller waits between two polls.
TTL_SECONDS = 90

TOMBSTONE_VERSION = 2**52  # A deleted row has no further versions. Lua counts exactly up to 2**53.

REPLACE_UNLESS_NEWER = """
local kept = redis.call('GET', KEYS[1])
if kept and tonumber(string.match(kept, '^%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'EX', ARGV[3])
return 1
"""


def get_many(keys: Sequence[str]) -> list[Any]:
    """The copies, None for each that is not there. Raises RedisError."""
    return [decode(entry) for entry in get_redis_connection("default").mget(keys)]


def decode(entry: bytes | None) -> Any:
    """The copy in what Redis holds; None where there is none, or a fence."""
    copy = (entry or b"").partition(b" ")[2]
    return json.loads(copy) if copy else None


def store(key: str, version: int, copy: Any) -> None:
    _replace(key, version, json.dumps(copy))


def invalidate(key: str, version: int) -> None:
    _replace(key, version, "")


def _replace(key: str, version: int, text: str) -> None:
    client = get_redis_connection("default")
    try:
        client.eval(REPLACE_UNLESS_NEWER, 1, key, version, text, TTL_SECONDS)
    except OutOfMemoryError:
        _remove(client, key)
    except RedisError:
        return  # What is there ends within KEPT_FOR.


def _remove(client: Redis, key: str) -> None:
    """A full server takes no fence, but lets an outdated copy go."""
    with suppress(RedisError):
        client.delete(key)
