"""A copy in Redis counts only in the generation in which it was written.

The generation is a key that lives for two seconds and is renewed all the time. A Redis that refuses
writes, say a read-only replica after a failover, lets it end. From then on no copy counts, in any
process, and everybody reads the database. A Redis that was away begins a new generation, too.
"""

import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from accounts.cache.client import redis_client

KEY = "generation"
LIFETIME_MS = 2000
RENEW_AFTER = 0.5  # Seconds, in each process.

_last_renewal = SimpleNamespace(at=0.0)
_seen = threading.local()


def read(keys: Sequence[str]) -> list[bytes | None]:
    """What counts of the entries, None for each other one. One round trip. Raises RedisError."""
    client = redis_client()
    current, *entries = client.mget([KEY, *keys])
    if current is None or time.monotonic() > _last_renewal.at + RENEW_AFTER:
        renew()
    # What follows a miss may be stored at once, also in a generation that has just begun.
    _seen.generation = current or client.get(KEY)
    return [_in_generation(current, entry) for entry in entries]


def last_seen() -> bytes:
    """Of this thread. What was read from the database since then may be stored under it."""
    return getattr(_seen, "generation", None) or b""


def saw(generation: bytes) -> None:
    _seen.generation = generation


def renew() -> None:
    """Begins a generation if there is none. Raises RedisError, also if Redis refuses to write."""
    client = redis_client()
    _last_renewal.at = time.monotonic()
    try:
        if not client.pexpire(KEY, LIFETIME_MS):
            client.set(KEY, new(), px=LIFETIME_MS, nx=True)
    except ResponseError:
        client.connection_pool.breaker.trip()  # Reads need not ask it for a while.
        raise


def new() -> str:
    return secrets.token_hex(4)


def end(client: Redis) -> None:
    """Ends the current generation, or waits until it has ended by itself."""
    deadline = time.monotonic() + LIFETIME_MS / 1000 + RENEW_AFTER
    while time.monotonic() < deadline:
        with suppress(ResponseError):
            client.delete(KEY)  # A full server deletes.
            return
        if client.get(KEY) is None:
            return
        time.sleep(0.05)


def can_write() -> bool:
    """Raises RedisError."""
    return bool(redis_client().set("writable", 1, ex=10))


def _in_generation(current: Any, entry: bytes | None) -> bytes | None:
    written_in, _, content = (entry or b"").partition(b" ")
    return content if current and written_in == current else None
