"""Counts per key in Redis, exact under concurrency.

Each process remembers how far a count had got. A Redis that has forgotten it goes on from there,
and while Redis is away the process counts on by itself.
"""

from threading import Lock

from redis.exceptions import RedisError

from accounts.cache.client import redis_client

MAX_REMEMBERED = 10_000  # Keys; the oldest go first.

COUNT = """
local count = math.max(redis.call('INCR', KEYS[1]), ARGV[1] + 1)
redis.call('SET', KEYS[1], count, 'EX', ARGV[2])
return count
"""

_remembered: dict[str, int] = {}
_lock = Lock()


def count(key: str, lifetime: int) -> int:
    """How many times it was called with this key, this time included. `lifetime` in seconds."""
    try:
        before = _remembered.get(key, 0)
        counted = int(redis_client().eval(COUNT, 1, key, before, lifetime))
    except RedisError:
        return _remember(key, 0)
    return _remember(key, counted)


def forget() -> None:
    _remembered.clear()


def _remember(key: str, counted: int) -> int:
    """`counted` is 0 if Redis did not count."""
    with _lock:
        before = _remembered.pop(key, 0)
        _remembered[key] = max(counted, before) if counted else before + 1
        if len(_remembered) > MAX_REMEMBERED:
            del _remembered[next(iter(_remembered))]
        return counted or _remembered[key]
