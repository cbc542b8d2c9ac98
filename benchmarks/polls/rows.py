"""Fills the database, and names the meetings that are polled."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db import connection as database
from django.db.models import Model, QuerySet
from django.utils import timezone
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User
from crmsync.models import Connection, SyncRun
from crmsync.providers.sandbox import CONNECTION
from meetings.models import Meeting, SyncStep

MOST_POLLED = 2_000
BATCH = 5_000
STEPS = (None, *SyncStep.values)
SUCCESSES = (None, True, False)


@dataclass(frozen=True)
class Polled:
    """A meeting as its owner is to see it, and what proves who the owner is."""

    meeting_id: int
    user_id: int
    token: str
    revocation: str
    in_progress_sync_status: int | None
    last_sync_success: bool | None


def make_rows(users: int, meetings: int) -> list[Polled]:
    _create(User.objects.all(), (_user(number) for number in range(users)))
    pks = list(User.objects.order_by("pk").values_list("pk", flat=True))
    _create(Meeting.objects.all(), (_meeting(number, pks) for number in range(meetings)))
    sample = _sample()
    owners = User.objects.in_bulk({meeting.user_id for meeting in sample})
    _connect(owners.values(), sample)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    tokens = {pk: AccessToken.for_user(user) for pk, user in owners.items()}
    return [_polled(meeting, tokens[meeting.user_id]) for meeting in sample]


def _connect(owners: Iterable[User], sample: Sequence[Meeting]) -> None:
    """To a CRM, and with a sync of each meeting that is in a step."""
    _create(Connection.objects.all(), (Connection(user=user, **CONNECTION) for user in owners))
    links = dict(Connection.objects.values_list("user_id", "pk"))
    in_progress = (meeting for meeting in sample if meeting.in_progress_sync_status)
    _create(SyncRun.objects.all(), (_run(meeting, links) for meeting in in_progress))


def _create(rows: QuerySet[Any], made: Iterable[Model]) -> None:
    """In batches, so that a million take no memory."""
    rest: Iterator[Model] = iter(made)
    while batch := list(islice(rest, BATCH)):
        rows.bulk_create(batch)


def _sample() -> list[Meeting]:
    pks = list(Meeting.objects.order_by("pk").values_list("pk", flat=True))
    rng = random.Random(1)
    chosen = rng.sample(pks, min(MOST_POLLED, len(pks)))
    found = Meeting.objects.in_bulk(chosen)
    return [found[pk] for pk in chosen]


def _user(number: int) -> User:
    # Nobody signs in with it; each token carries the digest of its own.
    return User(email=f"user-{number}@example.com", password=f"!{number}")


def _meeting(number: int, owners: Sequence[int]) -> Meeting:
    starts_at = timezone.now()
    return Meeting(
        user_id=owners[number % len(owners)],
        title=f"Meeting {number}",
        notes="What was said. " * 10,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        in_progress_sync_status=STEPS[number % len(STEPS)],
        last_sync_success=SUCCESSES[number % len(SUCCESSES)],
    )


def _run(meeting: Meeting, links: dict[int, int]) -> SyncRun:
    now = timezone.now()
    return SyncRun(
        meeting=meeting,
        connection_id=links[meeting.user_id],
        status=SyncRun.Status.RUNNING,
        step=SyncStep(meeting.in_progress_sync_status or SyncStep.CONTACTS),
        due_at=now + timedelta(hours=6),
        started_at=now,
    )


def _polled(meeting: Meeting, token: AccessToken) -> Polled:
    return Polled(
        meeting_id=meeting.pk,
        user_id=meeting.user_id,
        token=str(token),
        revocation=token[api_settings.REVOKE_TOKEN_CLAIM],
        in_progress_sync_status=meeting.in_progress_sync_status,
        last_sync_success=meeting.last_sync_success,
    )
