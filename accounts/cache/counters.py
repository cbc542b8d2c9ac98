"""Counts what web processes do, for the metrics: in memory first, added up in Redis now and then.

A count that cost a round trip to Redis would cost as much as the poll it counts. What a process has
not yet added up when it dies is lost.
"""

import threading
import time
from collections import Counter
from types import SimpleNamespace

from django_redis import get_redis_connection
from redis.exceptions import RedisError

KEY = "usage"
EVERY = 5  # Seconds.
_counts: Counter[tuple[str, ...]] = Counter()
_lock = threading.Lock()
_last = SimpleNamespace(at=time.monotonic())


def count(*labels: str) -> None:
    """`labels`: what kind of thing, and which of it. Never a person."""
    with _lock:
        _counts[labels] += 1
        is_time = time.monotonic() > _last.at + EVERY
    if is_time:
        flush()


def flush() -> None:
    with _lock:
        taken = _counts.copy()
        _counts.clear()
        _last.at = time.monotonic()
    if not taken:
        return
    try:
        pipeline = get_redis_connection("default").pipeline(transaction=False)
        for labels, number in taken.items():
            pipeline.hincrby(KEY, "|".join(labels), number)
        pipeline.execute()
    except RedisError:
        return  # Figures, not facts.


def read() -> dict[tuple[str, ...], int]:
    """All that processes have added up; empty while Redis is away."""
    try:
        kept = get_redis_connection("default").hgetall(KEY)
    except RedisError:
        return {}
    return {tuple(labels.decode().split("|")): int(number) for labels, number in kept.items()}
