"""Whose turn it is: a connection has a few places, its runs take turns, a hint tells whose it is.

Beside lifecycle.py and attempts.py the only writer of SyncRun; it moves no run forward.
"""

from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, When, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from crmsync.connections import store
from crmsync.engine import hints
from crmsync.errors import CrmError
from crmsync.models import Connection, SyncAttempt, SyncRun
from meetings import transitions

Status = SyncRun.Status
RESEND_AFTER = timedelta(seconds=5)
RESEND_AFTER_WHEN_BACKLOGGED = timedelta(seconds=60)  # What waits in a long queue is not lost.
RATE_LIMIT_COOLDOWN = timedelta(seconds=10)  # After a rate limit runs go on one by one.
LATE_CALL_WINDOW = timedelta(seconds=30)  # Longer than a call to the CRM may take.
HOLDING_CONTACT_LOCK = SyncAttempt.objects.filter(finished_at=None, holds_contact_lock=True)
# What has begun is finished first: a run keeps its place between two steps, a retry is punctual.
# Nobody stands behind one that has to wait for the contacts of another.
PRIORITY = Case(
    When(
        Q(waits_for_contact_lock=True)
        & Exists(HOLDING_CONTACT_LOCK.filter(run__connection=OuterRef("connection"))),
        then=3,
    ),
    When(status=Status.RUNNING, then=0),
    When(status=Status.RETRYING, then=1),
    default=2,
)


def try_acquire_slot(connection: Connection, run_id: int, now: datetime) -> bool:
    """Whether the run may call the CRM now. Needs the connection's row locked."""
    if connection.state != Connection.State.CONNECTED:
        release_slots(connection.pk)
        return False
    if connection.not_before and connection.not_before > now:
        return False
    placed = _runs_holding_slots(connection)
    if run_id in placed or len(placed) < _slot_limit(connection, now):
        return True
    mark_waiting(run_id)
    return False


def try_acquire_contact_lock(connection: Connection, run_id: int, now: datetime) -> bool:
    """Whether no other try may be making contacts. Needs the connection's row locked.

    Two at once could both find that an address has none yet, and make two.
    """
    unsure_until = connection.contact_lock_until
    calling = HOLDING_CONTACT_LOCK.filter(run__connection=connection)
    if not (unsure_until and unsure_until > now) and not calling.exists():
        return True
    SyncRun.objects.active().filter(pk=run_id).update(waits_for_contact_lock=True)
    mark_waiting(run_id)
    return False


def extend_contact_lock(connection_id: int) -> None:
    """The last call of a try that makes contacts has not ended, as far as we know."""
    store.set_contact_lock_until(connection_id, timezone.now() + LATE_CALL_WINDOW)


def mark_waiting(run_id: int) -> None:
    reason = SyncRun.WaitReason.OTHER_SYNCS
    SyncRun.objects.active().filter(pk=run_id).exclude(ready_since=None).update(ready_since=None)
    in_line = SyncRun.objects.filter(pk=run_id, status=Status.QUEUED).exclude(wait_reason=reason)
    if in_line.update(wait_reason=reason):
        transitions.touch(SyncRun.objects.values_list("meeting", flat=True).get(pk=run_id))


def has_free_slot(connection: Connection) -> bool:
    """Whether a run that is made now starts at once. Needs the connection's row locked."""
    places = _slot_limit(connection, timezone.now())
    return connection.sync_runs.active()[:places].count() < places


def enqueue_next_step(connection: Connection | None, run_id: int, step: int) -> None:
    """After the commit the run's next step follows, if the connection still works."""
    release_slots_if_blocked(connection)
    transaction.on_commit(partial(hints.send_hint, run_id, step))


def release_slots_if_blocked(connection: Connection | None) -> None:
    if connection is not None and connection.state != Connection.State.CONNECTED:
        release_slots(connection.pk)


def block_connection(connection: Connection, error: CrmError) -> None:
    """The connection needs its owner: its runs wait, and give up their places meanwhile."""
    if store.mark_needs_reauth(connection, error):
        release_slots(connection.pk)


def release_slots(connection_id: int) -> None:
    """Runs between two attempts give up their places until the connection works again."""
    begun = SyncRun.objects.active().filter(connection=connection_id).without_open_attempt()
    for run in begun.exclude(meeting__in_progress_sync_status=None):
        idle = SyncRun.objects.filter(pk=run.pk, status=run.status).without_open_attempt()
        # What was planned as a retry goes on when the connection does, not when the retry was due.
        moment = {"due_at": timezone.now()} if run.status == Status.RETRYING else {}
        if idle.update(status=Status.QUEUED, **moment):
            transitions.clear_progress(run.meeting_id)
    begun.exclude(ready_since=None).update(ready_since=None)


def enqueue_waiting(connection_id: int) -> None:
    """The connection works again: its runs go on, as many as it has places."""
    places = settings.SYNC_CONCURRENCY_PER_CONNECTION
    transaction.on_commit(partial(_send_hints_to_waiting, connection_id, places))


def enqueue_next_waiting(connection_id: int) -> None:
    """A place of the connection is free: after the commit the next run in line learns of it."""
    transaction.on_commit(partial(_send_hints_to_waiting, connection_id, 1))


@transaction.atomic
def select_due_hints(now: datetime, limit: int, *, busy: bool = False) -> list[hints.Hint]:
    """Runs whose turn it is and that no recent hint points at, marked as sent."""
    resend_after = RESEND_AFTER_WHEN_BACKLOGGED if busy else RESEND_AFTER
    in_line = (
        SyncRun.objects.active()
        .startable(now)
        .filter(Q(status=Status.RUNNING) | Q(due_at__lte=now))
        .annotate(
            turn=PRIORITY,
            rank=Window(RowNumber(), partition_by="connection", order_by=["turn", "due_at", "id"]),
        )
        .filter(rank__lte=settings.SYNC_CONCURRENCY_PER_CONNECTION)
    )
    unsent = Q(sent_at=None) | Q(sent_at__lte=now - resend_after)
    due = (
        SyncRun.objects.active()
        .filter(unsent, due_at__lte=now, pk__in=in_line.values("pk"))
        .without_open_attempt()
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("due_at")
    )
    chosen = list(due.values_list("pk", "step")[:limit])
    sent = SyncRun.objects.filter(pk__in=[pk for pk, _ in chosen])
    sent.update(sent_at=now, ready_since=Coalesce("ready_since", now))
    return chosen


def _slot_limit(connection: Connection, now: datetime) -> int:
    """How many runs may be under way; one where the CRM complained of too many a moment ago."""
    if connection.not_before and connection.not_before > now - RATE_LIMIT_COOLDOWN:
        return 1
    return settings.SYNC_CONCURRENCY_PER_CONNECTION


def _runs_holding_slots(connection: Connection) -> set[int]:
    """Those under way, and canceled ones whose worker is still in a call."""
    running = connection.sync_runs.filter(status=Status.RUNNING).values_list("pk", flat=True)
    calling = SyncAttempt.objects.filter(finished_at=None, run__connection=connection)
    return set(running.order_by().union(calling.order_by().values_list("run_id", flat=True)))


def _send_hints_to_waiting(connection_id: int, limit: int) -> None:
    now = timezone.now()
    waiting = SyncRun.objects.filter(
        connection=connection_id, status__in=[Status.QUEUED, Status.RETRYING], due_at__lte=now
    )
    for run in waiting.startable(now).order_by(PRIORITY, "due_at", "id")[:limit]:
        SyncRun.objects.filter(pk=run.pk, ready_since=None).update(ready_since=now)
        hints.send_hint(run.pk, run.step)
