"""The user look-up of each request, cached in Redis.

A change never updates the copy. It invalidates it before and after the commit, for longer
than any request lasts. Until then every request reads the database and none may store a
copy, so a slow reader cannot bring back what it read before the change.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypedDict

from django_redis import get_redis_connection
from redis.exceptions import RedisError

from accounts.cache import counters

TTL_SECONDS = 90  # Seconds. Bounds how long a change made while Redis was down can go unnoticed.
INVALIDATED = b"invalidated"


class CachedUser(TypedDict):
    id: int
    email: str
    is_active: bool
    revocation: str


def get_many(pk: int, beside: Sequence[str] = ()) -> tuple[CachedUser | None, list[Any]]:
    """The cached user, and what Redis holds under the keys `beside` it, in one round trip.

    Raises RedisError.
    """
    entry, *others = get_redis_connection("default").mget([_key(pk), *beside])
    is_known = entry is not None and entry != INVALIDATED
    counters.count("cache", "user", "hit" if is_known else "miss")
    return (json.loads(entry) if is_known else None), others


def store(user: CachedUser) -> None:
    with suppress(RedisError):
        client = get_redis_connection("default")
        client.set(_key(user["id"]), json.dumps(user), ex=TTL_SECONDS, nx=True)


def invalidate(*pks: int) -> None:
    client = get_redis_connection("default")
    for pk in pks:
        with suppress(RedisError):
            client.delete(_key(pk))  # A full server refuses the mark, but deletes a copy.
        with suppress(RedisError):
            client.set(_key(pk), INVALIDATED, ex=TTL_SECONDS)


def _key(pk: int) -> str:
    return f"user:{pk}"
