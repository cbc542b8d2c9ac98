"""The only writer of SyncRun and SyncAttempt: every change of a run is one conditional UPDATE here.

Rows are locked in the order connection, run, meeting. Hints go out after the commit.
"""

import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, When, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from crmsync import connections, policy, queue, records
from crmsync.errors import CrmError
from crmsync.models import Connection, SyncAttempt, SyncRun, SyncRunQuerySet
from crmsync.providers.base import Ref
from meetings import transitions
from meetings.models import Meeting, SyncStep

logger = logging.getLogger(__name__)

RESEND_AFTER = timedelta(seconds=5)
QUEUED, RUNNING, RETRYING = SyncRun.ACTIVE
Outcome = SyncAttempt.Outcome


class NotConnectedError(Exception):
    """The meeting's owner has no CRM connected."""


class StaleAttemptError(Exception):
    """The run was canceled or went on without this worker."""


@dataclass(frozen=True)
class Claim:
    """One worker's right to perform one attempt of one step."""

    run: SyncRun
    attempt: SyncAttempt


def request_sync(
    meeting: Meeting, by: Any, *, step: int = SyncStep.CONTACTS, reason: str = ""
) -> tuple[SyncRun, bool]:
    """The active run of the meeting and whether it is new.

    Raises NotConnectedError, and Meeting.DoesNotExist where it was deleted meanwhile.
    """
    for _ in range(3):
        try:
            return _request_sync(meeting, by, step, reason)
        except IntegrityError:  # The run that stood in the way, or the meeting, ended meanwhile.
            Meeting.objects.only("pk").get(pk=meeting.pk)
    return _request_sync(meeting, by, step, reason)


@transaction.atomic
def _request_sync(meeting: Meeting, by: Any, step: int, reason: str) -> tuple[SyncRun, bool]:
    connection = connections.lock(user=meeting.user_id).first()
    if connection is None or connection.state == Connection.State.DISCONNECTED:
        raise NotConnectedError
    run, created = SyncRun.objects.get_or_create(
        meeting=meeting,
        status__in=SyncRun.ACTIVE,
        defaults={
            "connection": connection,
            "step": step,
            "requested_by": by,
            "reason": reason,
            "sent_at": timezone.now(),
        },
    )
    if created:
        transaction.on_commit(partial(queue.send_hint, run.pk, run.step))
    return run, created


@transaction.atomic
def cancel(meeting_id: int) -> bool:
    """Cancels the active run; a worker that is at it stops before its next call to the CRM."""
    run = SyncRun.objects.active().filter(meeting=meeting_id).first()
    if run is None or not _leave(run.pk, SyncRun.ACTIVE).update(
        status=SyncRun.Status.CANCELED, finished_at=timezone.now()
    ):
        return False
    transitions.stop(meeting_id)
    _hand_over(run.connection_id)
    return True


@transaction.atomic
def claim(run_id: int, step: int) -> Claim | None:
    """Takes a due run for one attempt; None where there is nothing to do, or not now."""
    connection = connections.lock(sync_runs=run_id).first()
    now = timezone.now()
    if connection is None or not _may_call(connection, run_id, now):
        return None
    due = _leave(run_id, SyncRun.ACTIVE).filter(step=step, due_at__lte=now)
    if not due.without_open_attempt().update(
        status=RUNNING,
        attempt=F("attempt") + 1,
        due_at=now + _lease(),
        started_at=Coalesce("started_at", now),
        wait_reason="",
    ):
        return None
    run = SyncRun.objects.select_related("meeting", "connection").get(pk=run_id)
    attempt = SyncAttempt.objects.create(
        run=run, claim=run.attempt, step=step, number=run.failures + 1, started_at=now
    )
    transitions.start_step(run.meeting_id, SyncStep(step))
    return Claim(run, attempt)


def renew(claim: Claim) -> None:
    """Prolongs the lease. Raises StaleAttemptError where the claim no longer holds."""
    if not _held(claim).update(due_at=timezone.now() + _lease()):
        raise StaleAttemptError


@transaction.atomic
def complete_step(claim: Claim, refs: Iterable[Ref]) -> None:
    run, now = claim.run, timezone.now()
    is_last = run.step == SyncStep.NOTES
    ending = {"status": SyncRun.Status.SUCCEEDED, "finished_at": now}
    going_on = {"step": run.step + 1, "due_at": now, "sent_at": now}
    if not _held(claim).update(
        failures=0,
        error_code="",
        error_field="",
        error_detail="",
        **ending if is_last else going_on,
    ):
        return abandon(claim)
    _close(claim.attempt, Outcome.SUCCEEDED)
    records.remember(run, refs)
    if is_last:
        transitions.record_success(run.meeting_id, now)
        _hand_over(run.connection_id)
    else:
        transaction.on_commit(partial(queue.send_hint, run.pk, run.step + 1))
    return None


@transaction.atomic
def fail_step(claim: Claim, error: CrmError) -> None:
    if not _fail(claim, error, Outcome.FAILED, _held(claim)):
        abandon(claim, error)


@transaction.atomic
def lose_worker(claim: Claim) -> None:
    """The lease ended without a word from the worker."""
    expired = _held(claim).filter(due_at__lte=timezone.now())
    _fail(claim, CrmError("worker_lost"), Outcome.INTERRUPTED, expired)


@transaction.atomic
def abandon(claim: Claim, error: CrmError | None = None) -> None:
    """Closes an attempt whose run was canceled or taken over, so that its meeting is free again."""
    _close(claim.attempt, Outcome.INTERRUPTED, error)
    _hand_over(claim.run.connection_id)
    active = SyncRun.objects.active().filter(meeting=claim.run.meeting_id).first()
    if active is not None:
        transaction.on_commit(partial(queue.send_hint, active.pk, active.step))


def hold(connection_id: int, error: CrmError) -> None:
    """The connection needs its owner: its runs wait, and give up their places meanwhile."""
    connections.hold(connection_id, error)
    _park(connection_id)


def release(connection_id: int) -> None:
    """Sends the runs of a connection that works again on their way, at its own pace."""
    limit = settings.SYNC_CONCURRENCY_PER_CONNECTION
    transaction.on_commit(partial(_hint_waiting, connection_id, limit))


def recover_lost(now: datetime) -> int:
    """Ends the attempts of workers whose lease is over; returns how many."""
    expired = SyncAttempt.objects.filter(finished_at=None, run__due_at__lte=now)
    attempts = list(expired.select_related("run__meeting", "run__connection")[:1000])
    for attempt in attempts:
        taken = Claim(attempt.run, attempt)
        if attempt.run.status == RUNNING:
            lose_worker(taken)
        else:
            abandon(taken)
    return len(attempts)


@transaction.atomic
def take_due(now: datetime, limit: int) -> list[queue.Hint]:
    """Due runs that no recent hint points at, marked as sent: the oldest few of each connection."""
    unsent = Q(sent_at=None) | Q(sent_at__lte=now - RESEND_AFTER)
    usable = Q(connection__not_before=None) | Q(connection__not_before__lte=now)
    usable &= Q(connection__state=Connection.State.CONNECTED)
    ranked = (
        SyncRun.objects.active()
        .filter(unsent, usable, due_at__lte=now)
        .without_open_attempt()
        .annotate(
            # Those that hold one of the connection's places come first, or nobody moves.
            turn=Case(When(status=RUNNING, then=0), default=1),
            rank=Window(RowNumber(), partition_by="connection", order_by=["turn", "due_at", "id"]),
        )
    )
    chosen = ranked.filter(rank__lte=settings.SYNC_CONCURRENCY_PER_CONNECTION)
    ids = list(chosen.order_by("rank", "due_at").values_list("pk", flat=True)[:limit])
    locked = SyncRun.objects.active().filter(unsent, pk__in=ids).select_for_update(skip_locked=True)
    hints = list(locked.values_list("pk", "step"))
    SyncRun.objects.filter(pk__in=[pk for pk, _ in hints]).update(sent_at=now)
    return hints


def _fail(claim: Claim, error: CrmError, outcome: str, held: SyncRunQuerySet) -> bool:
    now = timezone.now()
    decision = policy.decide(error, claim.run.failures, settings.SYNC_RETRY_DELAYS, random.Random())
    connections.lock(pk=claim.run.connection_id).first()
    if not held.update(**_error_of(error, decision), **_values_after(decision, now)):
        return False
    _close(claim.attempt, outcome, error)
    _tell_meeting_and_connection(decision, claim.run, error, now)
    return True


def _values_after(decision: policy.Decision, now: datetime) -> dict[str, Any]:
    match decision:
        case policy.Retry(seconds):
            due_at = now + timedelta(seconds=seconds)
            moved = {"status": RETRYING, "failures": F("failures") + 1, "due_at": due_at}
        case policy.Wait(seconds):
            due_at = now + timedelta(seconds=seconds)
            reason = SyncRun.WaitReason.RATE_LIMITED
            moved = {"status": QUEUED, "wait_reason": reason, "due_at": due_at}
        case policy.Hold():
            moved = {"status": QUEUED, "due_at": now}
        case policy.GiveUp():
            moved = {"status": SyncRun.Status.FAILED, "finished_at": now}
    return {"sent_at": None, **moved}


def _error_of(error: CrmError, decision: policy.Decision) -> dict[str, str]:
    code = decision.code if isinstance(decision, policy.GiveUp) else error.code
    return {
        "error_code": code,
        "error_cause": error.code if code != error.code else "",
        "error_field": error.field[:255],
        "error_detail": error.detail,
    }


def _tell_meeting_and_connection(
    decision: policy.Decision, run: SyncRun, error: CrmError, now: datetime
) -> None:
    if error.code == "record_deleted":
        records.forget_step(run)
    match decision:
        case policy.Retry():
            transitions.record_failed_attempt(run.meeting_id)
            _hand_over(run.connection_id)
        case policy.Wait(seconds):
            connections.slow_down(run.connection_id, now + timedelta(seconds=seconds))
        case policy.Hold():
            transitions.stop(run.meeting_id)
            hold(run.connection_id, error)
        case policy.GiveUp():
            transitions.record_failure(run.meeting_id)
            _hand_over(run.connection_id)


def _may_call(connection: Connection, run_id: int, now: datetime) -> bool:
    if connection.state != Connection.State.CONNECTED:
        _park(connection.pk)
        return False
    if connection.not_before and connection.not_before > now:
        return False
    placed = _runs_with_a_place(connection)
    if run_id in placed or len(placed) < settings.SYNC_CONCURRENCY_PER_CONNECTION:
        return True
    _leave(run_id, [QUEUED]).update(wait_reason=SyncRun.WaitReason.OTHER_SYNCS)
    return False


def _runs_with_a_place(connection: Connection) -> set[int]:
    """Those under way, and canceled ones whose worker is still in a call."""
    running = connection.sync_runs.filter(status=RUNNING).values_list("pk", flat=True)
    calling = SyncAttempt.objects.filter(finished_at=None, run__connection=connection)
    return {*running, *calling.values_list("run_id", flat=True)}


def _park(connection_id: int) -> None:
    """Runs between two attempts give up their places until the connection works again."""
    begun = SyncRun.objects.filter(connection=connection_id, status__in=[RUNNING, RETRYING])
    for run in begun.without_open_attempt():
        if _leave(run.pk, [RUNNING, RETRYING]).without_open_attempt().update(status=QUEUED):
            transitions.stop(run.meeting_id)


def _hand_over(connection_id: int) -> None:
    """A place of the connection is free: after the commit the next run in line learns of it."""
    transaction.on_commit(partial(_hint_waiting, connection_id, 1))


def _hint_waiting(connection_id: int, limit: int) -> None:
    waiting = SyncRun.objects.filter(
        connection=connection_id,
        connection__state=Connection.State.CONNECTED,
        status=QUEUED,
        due_at__lte=timezone.now(),
    )
    for run in waiting.order_by("due_at", "id")[:limit]:
        queue.send_hint(run.pk, run.step)


def _leave(run_id: int, statuses: Iterable[str]) -> SyncRunQuerySet:
    return SyncRun.objects.filter(pk=run_id, status__in=statuses)


def _held(claim: Claim) -> SyncRunQuerySet:
    """The run, as long as this claim is the one that counts."""
    return _leave(claim.run.pk, [RUNNING]).filter(attempt=claim.run.attempt, step=claim.run.step)


def _close(attempt: SyncAttempt, outcome: str, error: CrmError | None = None) -> None:
    failure = (
        {
            "error_code": error.code,
            "http_status": error.http_status,
            "correlation_id": error.correlation_id[:255],
            "internal_message": error.message,
            "outcome_unknown": error.outcome_unknown,
        }
        if error
        else {}
    )
    SyncAttempt.objects.filter(pk=attempt.pk, finished_at=None).update(
        outcome=outcome, finished_at=timezone.now(), **failure
    )


def _lease() -> timedelta:
    return timedelta(seconds=settings.SYNC_LEASE_SECONDS)
