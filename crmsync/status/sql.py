"""The rules of state.py as SQL, for lists of meetings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from crmsync.models import Connection, SyncRun
from meetings.models import Meeting

Status = SyncRun.Status


RUNS = SyncRun.objects.filter(meeting=OuterRef("pk"))
HAS_ACTIVE_RUN = Q(Exists(RUNS.active()))
# Conditions that an index can serve, applied before the state is computed.
INDEX_PREFILTERS = {
    "failed": Q(last_sync_success=False),
    "canceled": Q(Exists(RUNS.filter(status=Status.CANCELED))),
    **dict.fromkeys(
        ["queued", "syncing", "removing", "waiting", "retrying", "paused"], HAS_ACTIVE_RUN
    ),
}


def annotate_state(meetings: QuerySet[Meeting], now: datetime) -> QuerySet[Any]:
    """Annotates `state`; a test compares it with state_of()."""
    latest = SyncRun.objects.latest_of(OuterRef("pk")).annotate(state=_state_of_latest(now))
    without_run = [
        ("synced", Q(last_sync_success=True)),
        ("never_synced", Q(Exists(_connections_of(OuterRef("user"))))),
    ]
    return meetings.annotate(
        # One subquery per meeting, and only for the meetings of the page.
        state=Coalesce(
            Subquery(latest.values("state")[:1]), _first_that_holds(without_run, "not_connected")
        )
    )


def active_runs_with_state(now: datetime) -> QuerySet[Any]:
    """Active runs, annotated with `state`."""
    return SyncRun.objects.active().annotate(state=_first_that_holds(_active_cases(now), "queued"))


def _state_of_latest(now: datetime) -> Case:
    """The state that a meeting's latest run implies; OuterRef is the meeting."""
    of_former_account = ~Q(status__in=SyncRun.ACTIVE) & Q(
        account_number__lt=F("connection__account_number")
    )
    own = _connections_of(OuterRef(OuterRef("user")))
    cases = [
        *_active_cases(now),
        # Not "failed" or "synced", which belonged to another account.
        ("never_synced", of_former_account & Q(Exists(own))),
        ("not_connected", of_former_account),
        ("failed", Q(status=Status.FAILED)),
        ("canceled", Q(status=Status.CANCELED)),
        ("out_of_date", ~Q(written_digest=OuterRef("content_digest"))),
    ]
    return _first_that_holds(cases, "synced")


def _connections_of(user: OuterRef) -> QuerySet[Connection]:
    return Connection.objects.filter(user=user).exclude(state=Connection.State.DISCONNECTED)


def _active_cases(now: datetime) -> list[tuple[str, Q]]:
    active = Q(status__in=SyncRun.ACTIVE)
    stopped = Q(connection__not_before__gt=now)
    due = Q(due_at__lte=now)
    since = now - SyncRun.UNATTENDED_AFTER
    free = Q(connection__not_before=None) | Q(connection__not_before__lte=since)
    answers = Q(connection__host__closed_at=None) | Q(connection__host__closed_at__lte=since)
    is_out = Q(connection__host__open_since__isnull=False)
    is_claimed = Q(status=Status.RUNNING, due_at__gt=now)
    return [
        ("paused", active & ~Q(connection__state=Connection.State.CONNECTED)),
        ("waiting", active & is_out & ~is_claimed),
        (
            "waiting",
            active & ~is_out & free & answers & Q(due_at__lte=since, ready_since__lte=since),
        ),
        ("removing", Q(status=Status.RUNNING, removes=True) & ~(stopped & due)),
        ("syncing", Q(status=Status.RUNNING) & ~(stopped & due)),
        ("retrying", Q(status=Status.RETRYING)),
        ("waiting", active & (stopped | ~Q(wait_reason=""))),
        ("removing", active & Q(removes=True)),
        ("queued", active),
    ]


def _first_that_holds(cases: Sequence[tuple[str, Q]], otherwise: str) -> Case:
    whens = (When(condition, then=Value(state)) for state, condition in cases)
    return Case(*whens, default=Value(otherwise))
