"""Which run may start: each connection has a few slots, and its runs take turns.

It writes the waiting state of runs; engine/outcomes.py moves them forward.
"""

from collections.abc import Iterator, Sequence
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
from crmsync.models import Connection, SyncAttempt, SyncRun, SyncRunQuerySet
from meetings import statements, transitions

Status = SyncRun.Status
RESEND_AFTER = timedelta(seconds=5)
RESEND_AFTER_WHEN_BACKLOGGED = timedelta(seconds=60)  # A hint in a long queue is not lost.
RATE_LIMIT_COOLDOWN = timedelta(seconds=10)  # After a rate limit, runs continue one at a time.
BATCH = 1000  # Runs that are put back at once.
LATE_CALL_WINDOW = timedelta(seconds=30)  # Longer than any call to a CRM.
HOLDING_CONTACT_LOCK = SyncAttempt.objects.filter(finished_at=None, holds_contact_lock=True)
# Runs that have begun go first: a run keeps its slot between two steps, a retry is punctual.
# A run that waits for the contact lock goes last, so that it blocks nobody.
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


# Other runs of the connection that are running, or canceled while their worker is still in a call.
OTHERS_WITH_SLOTS = """
    SELECT count(*) FROM (
        SELECT id FROM crmsync_syncrun WHERE connection_id = %s AND status = 'running'
        UNION
        SELECT run.id FROM crmsync_syncattempt
        JOIN crmsync_syncrun AS run ON run.id = crmsync_syncattempt.run_id
        WHERE run.connection_id = %s AND crmsync_syncattempt.finished_at IS NULL
    ) AS holding WHERE holding.id <> %s
"""
CREATING_CONTACTS = """
    SELECT 1 FROM crmsync_syncattempt
    JOIN crmsync_syncrun AS run ON run.id = crmsync_syncattempt.run_id
    WHERE run.connection_id = %s AND crmsync_syncattempt.finished_at IS NULL
    AND holds_contact_lock LIMIT 1
"""
IS_ANY_WAITING = """EXISTS (
    SELECT 1 FROM crmsync_syncrun
    WHERE connection_id = %s AND status IN ('queued', 'retrying') AND due_at <= %s
)"""


def try_acquire_slot(run: SyncRun, now: datetime) -> bool:
    """Whether the run may call the CRM now; if not, it is marked as waiting.

    Needs the connection's row locked.
    """
    connection = run.connection
    if connection.state != Connection.State.CONNECTED:
        release_slots(connection.pk)
        return False
    if connection.not_before and connection.not_before > now:
        return False
    if run.status == Status.RUNNING or _others_with_slots(run) < _slot_limit(connection, now):
        return True
    mark_waiting(run.pk)
    return False


def try_acquire_contact_lock(run: SyncRun, now: datetime) -> bool:
    """Whether the run may create contacts now. Needs the connection's row locked.

    Two runs at once could both find no contact for an address and create two.
    """
    unsure_until = run.connection.contact_lock_until
    is_unsure = unsure_until is not None and unsure_until > now
    if not is_unsure and not statements.execute(CREATING_CONTACTS, run.connection_id):
        return True
    SyncRun.objects.active().filter(pk=run.pk).update(waits_for_contact_lock=True)
    mark_waiting(run.pk)
    return False


def extend_contact_lock(connection_id: int) -> None:
    """For an attempt with the lock whose last call may still be running at the CRM."""
    store.set_contact_lock_until(connection_id, timezone.now() + LATE_CALL_WINDOW)


def mark_waiting(run_id: int) -> None:
    reason = SyncRun.WaitReason.OTHER_SYNCS
    SyncRun.objects.active().filter(pk=run_id).exclude(ready_since=None).update(ready_since=None)
    in_line = SyncRun.objects.filter(pk=run_id, status=Status.QUEUED).exclude(wait_reason=reason)
    if in_line.update(wait_reason=reason):
        transitions.touch(SyncRun.objects.values_list("meeting", flat=True).get(pk=run_id))


def has_free_slot(connection: Connection) -> bool:
    """Whether a run created now could start at once. Needs the connection's row locked."""
    slots = _slot_limit(connection, timezone.now())
    return connection.sync_runs.active()[:slots].count() < slots


def enqueue_next_step(connection: Connection | None, run_id: int, step: int) -> None:
    """Sends the hint for the run's next step after the commit."""
    release_slots_if_blocked(connection)
    transaction.on_commit(partial(hints.send_hint, run_id, step))


def release_slots_if_blocked(connection: Connection | None) -> None:
    if connection is not None and connection.state != Connection.State.CONNECTED:
        release_slots(connection.pk)


def block_connection(connection: Connection, error: CrmError) -> None:
    """Only the owner can repair the connection; until then its runs wait without a slot."""
    if store.mark_needs_reauth(connection, error):
        release_slots(connection.pk)


def release_slots(connection_id: int) -> None:
    """Puts runs between two attempts back in line until the connection works again."""
    active = SyncRun.objects.active().filter(connection=connection_id)
    in_progress = active.exclude(meeting__in_progress_sync_status=None)
    for pks in _in_batches(in_progress):
        _put_back(list(_between_attempts(pks).select_for_update(of=("self",))))
    for pks in _in_batches(active.exclude(ready_since=None)):
        _between_attempts(pks).update(ready_since=None)


def _in_batches(runs: SyncRunQuerySet) -> Iterator[list[int]]:
    """The ids. They are few, though very many runs may wait."""
    last = 0
    ordered = runs.order_by("pk").values_list("pk", flat=True)
    while batch := list(ordered.filter(pk__gt=last)[:BATCH]):
        yield batch
        last = batch[-1]


def _between_attempts(pks: Sequence[int]) -> SyncRunQuerySet:
    # Asked of these alone: with outdated statistics PostgreSQL would look through all of them.
    return SyncRun.objects.active().filter(pk__in=pks).without_open_attempt()


def _put_back(runs: Sequence[SyncRun]) -> None:
    locked = SyncRun.objects.filter(pk__in=[run.pk for run in runs])
    # A planned retry then runs at once, not at its planned time.
    locked.filter(status=Status.RETRYING).update(status=Status.QUEUED, due_at=timezone.now())
    locked.active().update(status=Status.QUEUED)
    transitions.clear_progress_of([run.meeting_id for run in runs])


def enqueue_waiting(connection_id: int) -> None:
    """After the commit, sends hints to as many waiting runs as there are slots."""
    slots = settings.SYNC_CONCURRENCY_PER_CONNECTION
    transaction.on_commit(partial(_send_hints_to_waiting, connection_id, slots))


def enqueue_next_waiting(connection_id: int) -> None:
    """After the commit, sends a hint to the next run in line for a free slot."""
    transaction.on_commit(partial(_send_hints_to_waiting, connection_id, 1))


@transaction.atomic
def select_due_hints(now: datetime, limit: int, *, busy: bool = False) -> list[hints.Hint]:
    """Runs whose turn it is and that have no recent hint; marks them as sent."""
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
    """How many runs may be active; one shortly after a rate limit."""
    if connection.not_before and connection.not_before > now - RATE_LIMIT_COOLDOWN:
        return 1
    return settings.SYNC_CONCURRENCY_PER_CONNECTION


def _others_with_slots(run: SyncRun) -> int:
    connection_id = run.connection_id
    rows = statements.execute(OTHERS_WITH_SLOTS, connection_id, connection_id, run.pk)
    return int(rows[0][0])


def _send_hints_to_waiting(connection_id: int, limit: int) -> None:
    now = timezone.now()
    waiting = SyncRun.objects.filter(
        connection=connection_id, status__in=[Status.QUEUED, Status.RETRYING], due_at__lte=now
    )
    for run in waiting.startable(now).order_by(PRIORITY, "due_at", "id")[:limit]:
        SyncRun.objects.filter(pk=run.pk, ready_since=None).update(ready_since=now)
        hints.send_hint(run.pk, run.step)
