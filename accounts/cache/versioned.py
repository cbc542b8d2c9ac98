"""Copies of rows in Redis that are never older than what was committed when the reading began.

Every entry starts with its generation (generation.py) and the version of its row, and nothing
replaces an entry with a lower one. Before a change commits, an empty entry with the new version
(a fence) replaces the old one: from then on readers ask the database, and a slow reader who
stores what it read earlier is refused. After the commit the new copy replaces the fence. Should
the writer die in between, any reader of the new version may replace the fence.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django_redis import get_redis_connection
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from accounts.cache import generation

# Seconds. Bounds how long a change that no Redis was told of can go unnoticed. Longer than a
# poller waits between two polls.
TTL_SECONDS = 90

BATCH = 1000  # Commands that are sent at once.
TOMBSTONE_VERSION = 2**52  # A deleted row has no further versions. Lua counts exactly up to 2**53.

# Returns the current generation. A copy whose row was read in an earlier one becomes a fence.
REPLACE_UNLESS_NEWER = """
local current = redis.call('GET', KEYS[2])
if not current then
  current = ARGV[5]
  redis.call('SET', KEYS[2], current, 'PX', ARGV[6])
end
local kept = redis.call('GET', KEYS[1])
local version = kept and string.match(kept, '^%S+ (%d+)')
if version and tonumber(version) > tonumber(ARGV[1]) then return current end
local copy = current == ARGV[4] and ARGV[2] or ''
redis.call('SET', KEYS[1], current .. ' ' .. ARGV[1] .. ' ' .. copy, 'EX', ARGV[3])
return current
"""


def get_many(keys: Sequence[str]) -> list[Any]:
    """The copies, None for each missing one. Raises RedisError."""
    return [decode(entry) for entry in generation.read(keys)]


def decode(entry: bytes | None) -> Any:
    """The copy in an entry; None for a missing entry or a fence."""
    copy = (entry or b"").partition(b" ")[2]
    return json.loads(copy) if copy else None


def store(key: str, version: int, copy: Any) -> None:
    store_many({key: (version, copy)})


def invalidate(key: str, version: int) -> None:
    invalidate_many({key: version})


def store_many(copies: Mapping[str, tuple[int, Any]]) -> None:
    """`copies`: by key, each with its version, read after this thread last looked into Redis."""
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
    rest = (TTL_SECONDS, generation.last_seen(), generation.new(), generation.LIFETIME_MS)
    for key, version, text in entries:
        pipeline.eval(REPLACE_UNLESS_NEWER, 2, key, generation.KEY, version, text, *rest)
    results = pipeline.execute(raise_on_error=False)
    for (key, _, text), result in zip(entries, results, strict=True):
        if not isinstance(result, ResponseError):
            generation.saw(result)
        elif not text:
            _remove(client, key)


def _remove(client: Redis, key: str) -> None:
    """For a fence that was refused: a full server deletes the copy, a replica lets it end."""
    try:
        client.delete(key)
    except ResponseError:
        generation.end(client)
