"""Deletes what has aged, in batches, so that nobody waits long for a lock."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts import tokens
from crmsync.metrics import totals
from crmsync.models import (
    IdempotentRequest,
    Incident,
    Notice,
    OAuthState,
    PasswordMail,
    SupportAction,
    SyncRun,
    SyncRunQuerySet,
)
from crmsync.operations import oauth, passwords

BATCH = 1000


def prune_others(before: datetime) -> Counter[str]:
    """How many it deleted of each kind. What is still open stays, however old it is."""
    aged: dict[str, QuerySet[Any]] = {
        "mails": Notice.objects.filter(created_at__lt=before),
        "incidents": Incident.objects.filter(resolved_at__lt=before),
        "support actions": SupportAction.objects.filter(finished_at__lt=before),
        "idempotency keys": IdempotentRequest.objects.filter(begun_at__lt=before),
        "sign-ins": OAuthState.objects.filter(begun_at__lt=before),
        "admin sessions": Session.objects.filter(expire_date__lt=before),
    }
    return +Counter({name: _delete_all(rows) for name, rows in aged.items()})


def remove_expired(now: datetime) -> None:
    """What nobody can use any more, whatever its owner does."""
    tokens.forget_expired(now)
    totals.forget_old(now)
    _delete_all(PasswordMail.objects.filter(created_at__lt=now - 2 * passwords.LIFETIME))
    _delete_all(IdempotentRequest.objects.filter(begun_at__lt=now - IdempotentRequest.LIFETIME))
    _delete_all(
        OAuthState.objects.filter(begun_at__lt=now - oauth.LIFETIME - oauth.PARKED_LIFETIME)
    )


def old(before: datetime) -> SyncRunQuerySet:
    """Ended and counted runs, except the last one of each meeting."""
    later = SyncRun.objects.filter(meeting=OuterRef("meeting"), pk__gt=OuterRef("pk"))
    ended = SyncRun.objects.filter(finished_at__lt=before, counted=True)
    return ended.filter(Exists(later)).without_open_attempt()


def prune(before: datetime) -> Iterator[int]:
    """Yields how many runs each batch deleted."""
    return _delete_in_batches(old(before).order_by("finished_at"))


def _delete_all(rows: QuerySet[Any]) -> int:
    return sum(_delete_in_batches(rows))


def _delete_in_batches(rows: QuerySet[Any]) -> Iterator[int]:
    while deleted := _delete_batch(rows):
        yield deleted


@transaction.atomic
def _delete_batch(rows: QuerySet[Any]) -> int:
    batch = list(rows.values_list("pk", flat=True)[:BATCH])
    rows.model._default_manager.filter(pk__in=batch).delete()
    return len(batch)
