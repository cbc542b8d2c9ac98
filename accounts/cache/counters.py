"""Counters of web processes for the metrics: kept in memory, added to Redis every few seconds.

A round trip to Redis per count would cost as much as the poll that is counted. What a process has
not yet added when it dies is lost.
"""

import threading
import time
from collections import Counter
from types import SimpleNamespace

from redis.exceptions import RedisError

from accounts.cache.client import redis_client

KEY = "usage"
EVERY = 5  # Seconds.
_counts: Counter[tuple[str, ...]] = Counter()
_lock = threading.Lock()
_last = SimpleNamespace(at=time.monotonic())


def count(*labels: str) -> None:
    """`labels`: the kind, then its details. Never anything that identifies a person."""
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
        pipeline = redis_client().pipeline(transaction=False)
        for labels, number in taken.items():
            pipeline.hincrby(KEY, "|".join(labels), number)
        pipeline.execute()
    except RedisError:
        return  # Losing some counts is harmless.


def read() -> dict[tuple[str, ...], int]:
    """The sum of all processes; empty while Redis is unavailable."""
    try:
        kept = redis_client().hgetall(KEY)
    except RedisError:
        return {}
    return {tuple(labels.decode().split("|")): int(number) for labels, number in kept.items()}
