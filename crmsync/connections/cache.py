"""The version of each user's connection in Redis, which cached documents are checked against."""

from collections.abc import Mapping
from functools import partial

from django.db import transaction

from accounts.cache import versioned


def connection_changed(user_id: int, version: int) -> None:
    """Call this within the transaction that makes the change."""
    versioned.invalidate(key(user_id), version)
    transaction.on_commit(partial(versioned.store, key(user_id), version, version))


def connections_changed(versions: Mapping[int, int]) -> None:
    """`versions`: by user. Whoever reads one of so many writes its copy."""
    keys = {key(user_id): version for user_id, version in versions.items()}
    versioned.invalidate_many(keys)
    transaction.on_commit(partial(versioned.announce, list(keys)))


def key(user_id: int) -> str:
    return f"connection:{user_id}"
