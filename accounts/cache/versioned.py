"""Copies of rows in Redis that are never older than what was committed when the reading began.

Every entry starts with its generation (generation.py) and the version of its row, and nothing
replaces an entry with a lower one. Before a change commits, an empty entry with the new version
(a fence) replaces the old one: from then on readers ask the database, and a slow reader who
stores what it read earlier is refused. After the commit the new copy replaces the fence. Should
the writer die in between, any reader of the new version may replace the fence.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from accounts.cache import generation
from accounts.cache.client import redis_client

# Seconds. Bounds how long a change that no Redis was told of can go unnoticed. Longer than a
# poller waits between two polls.
TTL_SECONDS = 90

BATCH = 1000  # Entries that are replaced at once.
TOMBSTONE_VERSION = 2**52  # A deleted row has no further versions. Lua counts exactly up to 2**53.

CHANGES = "changes"  # The channel that names the keys of rows that have changed.

# KEYS: the generation, the entries. ARGV: TTL, the generation seen, a new one and its life, then a
# version and a copy for each entry. A copy whose row was read in an earlier generation becomes a
# fence. A copy that replaces a fence or a lower version tells of a commit, so it is announced if
# its key names a row. Returns the current generation.
REPLACE_UNLESS_NEWER = """
local current = redis.call('GET', KEYS[1])
if not current then
  current = ARGV[3]
  redis.call('SET', KEYS[1], current, 'PX', ARGV[4])
end
local is_read_in_it = current == ARGV[2]
for i = 2, #KEYS do
  local version, copy = ARGV[2 * i + 1], ARGV[2 * i + 2]
  local kept = redis.call('GET', KEYS[i])
  local newer = kept and string.match(kept, '^%S+ (%d+)')
  if not newer or tonumber(newer) <= tonumber(version) then
    local is_fence = kept and string.match(kept, '^%S+ %d+ ?(.?)') == ''
    local is_change = newer and (is_fence or tonumber(newer) < tonumber(version))
    if is_change and copy ~= '' and string.match(KEYS[i], '^%a+:%d+$') then
      redis.call('PUBLISH', 'changes', KEYS[i])
    end
    local entry = current .. ' ' .. version .. ' ' .. (is_read_in_it and copy or '')
    redis.call('SET', KEYS[i], entry, 'EX', ARGV[1])
  end
end
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
    """`copy` was read after this thread last looked into Redis."""
    store_many([(key, version, copy)])


def store_many(entries: Sequence[tuple[str, int, Any]]) -> None:
    """Each as key, version and copy."""
    _replace_many([(key, version, json.dumps(copy)) for key, version, copy in entries])


def announce(keys: Iterable[str]) -> None:
    """After the commit of changes whose copies nobody stores."""
    client = redis_client()
    with suppress(RedisError), client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.publish(CHANGES, key)
        pipe.execute()


def invalidate(key: str, version: int) -> None:
    invalidate_many({key: version})


def invalidate_many(versions: Mapping[str, int]) -> None:
    _replace_many([(key, version, "") for key, version in versions.items()])


def _replace_many(entries: Sequence[tuple[str, int, str]]) -> None:
    client = redis_client()
    try:
        for start in range(0, len(entries), BATCH):
            _replace_batch(client, entries[start : start + BATCH])
    except RedisError:
        return  # The entries expire after TTL_SECONDS.


def _replace_batch(client: Redis, entries: Sequence[tuple[str, int, str]]) -> None:
    keys = [key for key, _, _ in entries]
    values = [value for _, version, copy in entries for value in (version, copy)]
    first = (TTL_SECONDS, generation.last_seen(), generation.new(), generation.LIFETIME_MS)
    count = len(keys) + 1
    try:
        current = client.eval(REPLACE_UNLESS_NEWER, count, generation.KEY, *keys, *first, *values)
    except ResponseError:
        _remove(client, [key for key, _, copy in entries if not copy])
    else:
        generation.saw(current)


def _remove(client: Redis, fences: Sequence[str]) -> None:
    """Those were refused: a full server deletes the copies, a replica lets them end."""
    try:
        if fences:
            client.delete(*fences)
    except ResponseError:
        generation.end(client)
