"""Moves stored credentials to the newest of the CREDENTIALS_KEYS."""

from collections import Counter
from enum import StrEnum

from crmsync.connections import store
from crmsync.fields import Sealed
from crmsync.models import Connection


class Outcome(StrEnum):
    NEWEST = "newest"
    OLDER = "older"
    UNKNOWN = "unknown"


def rotate(*, dry_run: bool) -> Counter[Outcome]:
    """Counts the credentials by the key that they had; those with an older one get the newest."""
    outcomes: Counter[Outcome] = Counter()
    stored = Connection.objects.exclude(credentials=Sealed(""))
    for connection in stored.only("connected_at", "credentials").iterator(chunk_size=1000):
        outcome = _key_of(connection.credentials)
        outcomes[outcome] += 1
        if outcome is Outcome.OLDER and not dry_run:
            store.reseal(connection)
    return outcomes


def _key_of(credentials: Sealed) -> Outcome:
    if credentials.has_newest_key():
        return Outcome.NEWEST
    return Outcome.OLDER if store.can_open(credentials) else Outcome.UNKNOWN
