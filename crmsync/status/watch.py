"""What a process with open streams compares with the database, in a few statements for all."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db import close_old_connections

from accounts.models import EndedToken, User
from crmsync.models import Connection
from meetings.models import Meeting

BATCH = 1000
Terms = tuple[str, str]  # Language and time zone.


@dataclass(frozen=True)
class Rows:
    """`meetings`: versions by id, None if nobody looked. `connections`: versions by user.

    `tokens`: by user, the key that valid tokens name; `terms`: by user, what their documents are
    in; `ended`: ids of tokens.
    """

    meetings: dict[int, int] | None
    connections: dict[int, int]
    tokens: dict[int, str]
    terms: dict[int, Terms]
    ended: set[str]


def read(meeting_ids: Iterable[int] | None, user_ids: Sequence[int]) -> Rows:
    """Raises DatabaseError."""
    close_old_connections()
    try:
        people = _people(user_ids)
        return Rows(
            meetings=None if meeting_ids is None else _versions(meeting_ids),
            connections=_connections(user_ids),
            tokens={pk: key for pk, key, *_ in people},
            terms={pk: (language, time_zone) for pk, _, language, time_zone in people},
            ended=_ended(user_ids),
        )
    finally:
        close_old_connections()


def _versions(ids: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for batch in _batches(ids):
        rows = Meeting.objects.filter(pk__in=batch).order_by()
        found |= dict(rows.values_list("pk", "version"))
    return found


def _connections(user_ids: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for batch in _batches(user_ids):
        found |= dict(Connection.objects.filter(user__in=batch).values_list("user_id", "version"))
    return found


def _people(user_ids: Iterable[int]) -> list[tuple[int, str, str, str]]:
    found: list[tuple[int, str, str, str]] = []
    for batch in _batches(user_ids):
        active = User.objects.filter(pk__in=batch, is_active=True)
        found += active.values_list("pk", "token_key", "language", "time_zone")
    return found


def _ended(user_ids: Iterable[int]) -> set[str]:
    found: set[str] = set()
    for batch in _batches(user_ids):
        found.update(EndedToken.objects.filter(user__in=batch).values_list("jti", flat=True))
    return found


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch
