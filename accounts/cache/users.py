"""The user look-up of each request, cached in Redis as versioned.py describes.

A change never updates the copy. It invalidates it before and after the commit, for longer
than any request lasts. Until then every request reads the database and none may store a
copy, so a slow reader cannot bring back what it read before the change.
"""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

from accounts.cache import counters, generation, versioned

COPY, INVALIDATED = 0, 1  # The versions of an entry.


class CachedUser(TypedDict):
    id: int
    email: str
    is_active: bool
    revocation: str
    time_zone: NotRequired[str]  # Copies of older versions have neither.
    language: NotRequired[str]
    ended_tokens: NotRequired[list[str]]


def get_many(pk: int, beside: Sequence[str] = ()) -> tuple[CachedUser | None, list[Any]]:
    """The cached user, and what Redis holds under the keys `beside` it, in one round trip.

    Raises RedisError.
    """
    entry, *others = generation.read([_key(pk), *beside])
    user = versioned.decode(entry)
    is_known = user is not None and user["id"] == pk
    counters.count("cache", "user", "hit" if is_known else "miss")
    return (user if is_known else None), others


def store(user: CachedUser) -> None:
    versioned.store(_key(user["id"]), COPY, user)


def invalidate(*pks: int) -> None:
    keys = {_key(pk): INVALIDATED for pk in pks}
    versioned.invalidate_many(keys)
    versioned.announce(keys)


def _key(pk: int) -> str:
    return f"user:{pk}"
