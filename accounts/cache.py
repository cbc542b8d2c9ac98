"""The user look-up of a request, kept in Redis.

A change never updates the copy: it marks it distrusted, before and after its commit, for longer
than any request lasts. While the mark stands every request reads the database and none may store a
copy, so that a reader who was slow to store what it read before the change cannot bring it back.
"""

from typing import TypedDict

from django.core.cache import cache

from accounts import usage

KEPT_FOR = 90  # Seconds. Bounds what a change made while Redis was away can go unnoticed.
DISTRUSTED = "distrusted"


class CachedUser(TypedDict):
    id: int
    email: str
    is_active: bool
    revocation: str


def find(pk: int) -> CachedUser | None:
    found = cache.get(_key(pk))
    is_known = found is not None and found != DISTRUSTED
    usage.count("cache", "user", "hit" if is_known else "miss")
    return found if is_known else None


def keep(user: CachedUser) -> None:
    cache.add(_key(user["id"]), user, KEPT_FOR)


def distrust(*pks: int) -> None:
    for pk in pks:
        cache.delete(_key(pk))  # A full server takes no mark, but lets a copy go.
        cache.set(_key(pk), DISTRUSTED, KEPT_FOR)


def _key(pk: int) -> str:
    return f"user:{pk}"
