"""What a worker does with a run: claim it, and end the attempt one way or another.

With lifecycle.py and turns.py the only writer of SyncRun; the only one of SyncAttempt. Whatever a
worker writes names the attempt that it claimed, so that one which was overtaken changes nothing.
Rows are locked in the order connection, run, meeting. Hints go out after the commit.
"""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crmsync.connections import store
from crmsync.engine import hints, remote_records, retry_policy, scheduling, step_durations
from crmsync.errors import CrmError
from crmsync.incidents import incidents
from crmsync.models import SyncAttempt, SyncRun, SyncRunQuerySet
from crmsync.providers.base import Ref
from meetings import transitions
from meetings.models import SyncStep

logger = logging.getLogger(__name__)

Status = SyncRun.Status
Outcome = SyncAttempt.Outcome


class StaleAttemptError(Exception):
    """The run was canceled or went on without this worker."""


@dataclass(frozen=True)
class Claim:
    """One worker's right to perform one attempt of one step."""

    run: SyncRun
    attempt: SyncAttempt


@transaction.atomic
def claim(run_id: int, step: int) -> Claim | None:
    """Takes a due run for one attempt; None where there is nothing to do, or not now."""
    connection = store.lock(sync_runs=run_id)
    now = timezone.now()
    if connection is None or not scheduling.may_start(connection, run_id, now):
        return None
    # What the attempt writes is what the meeting is now; an edit from here on is for the next sync.
    run = _with_content().select_for_update(of=("self",), no_key=True).filter(pk=run_id).first()
    if run is None:  # Deleted while we waited for the lock.
        return None
    if run.started_at is None and run.step > SyncStep.CONTACTS and run.is_outdated:
        _start_over(run)
        return None
    makes_contacts = remote_records.lacks_contacts(run)
    if makes_contacts and not scheduling.may_make_contacts(connection, run_id, now):
        return None
    if not _take(run, step, now):
        return None
    attempt = SyncAttempt.objects.create(
        run=run,
        claim=run.attempt,
        step=step,
        number=run.failures + 1,
        started_at=now,
        makes_contacts=makes_contacts,
    )
    transitions.start_step(run.meeting_id, SyncStep(step))
    return Claim(run, attempt)


def _take(run: SyncRun, step: int, now: datetime) -> bool:
    """Needs the run's row locked since it was read."""
    due = SyncRun.objects.active().filter(pk=run.pk, step=step, due_at__lte=now)
    taken = {
        "status": Status.RUNNING,
        "attempt": run.attempt + 1,
        "due_at": now + _lease(),
        "started_at": run.started_at or now,
        "step_started_at": now,
        "wait_reason": "",
        "waits_for_contacts": False,
    }
    if not due.without_open_attempt().update(**taken):
        return False
    for name, value in taken.items():
        setattr(run, name, value)
    return True


def _start_over(run: SyncRun) -> None:
    """The meeting was edited since the run was put back at a later step."""
    waiting = SyncRun.objects.active().filter(pk=run.pk, started_at=None)
    if waiting.update(step=SyncStep.CONTACTS, written=[], sent_at=timezone.now()):
        transitions.note_change(run.meeting_id)
        transaction.on_commit(partial(hints.send_hint, run.pk, SyncStep.CONTACTS))


def renew(claim: Claim) -> None:
    """Prolongs the lease. Raises StaleAttemptError where the claim no longer holds."""
    if not _held(claim).update(due_at=timezone.now() + _lease()):
        raise StaleAttemptError


@transaction.atomic
def complete_step(claim: Claim, refs: Sequence[Ref]) -> None:
    run, now = claim.run, timezone.now()
    connection = store.lock(pk=run.connection_id)
    is_last = run.step == SyncStep.NOTES
    ending = {"status": Status.SUCCEEDED, "finished_at": now}
    going_on = {"step": run.step + 1, "due_at": now, "sent_at": now}
    cleared = {"failures": 0, "error_code": "", "error_field": "", "error_detail": ""}
    done = {**cleared, "written": remote_records.add_written(run, refs)}
    if not _held(claim).update(**done, **(ending if is_last else going_on)):
        abandon(claim)
        return
    _close(claim.attempt, Outcome.SUCCEEDED)
    _learn(claim, now)
    remote_records.remember(run, refs)
    if is_last:
        transitions.record_success(run.meeting_id, now)
    else:
        transitions.note_change(run.meeting_id)
        scheduling.go_on(connection, run.pk, run.step + 1)
    if is_last or claim.attempt.makes_contacts:
        scheduling.hand_over(run.connection_id)


def _learn(claim: Claim, now: datetime) -> None:
    seconds = (now - claim.attempt.started_at).total_seconds()
    provider, step = claim.run.connection.provider, claim.run.step
    # No partial: Django wants the name of what may fail.
    transaction.on_commit(lambda: step_durations.learn(provider, step, seconds), robust=True)


@transaction.atomic
def fail_step(claim: Claim, error: CrmError) -> None:
    if not _fail(claim, error, Outcome.FAILED, _held(claim)):
        abandon(claim, error)


@transaction.atomic
def lose_worker(claim: Claim) -> bool:
    """The lease ended without a word from the worker. False where it was prolonged meanwhile."""
    expired = _held(claim).filter(due_at__lte=timezone.now())
    return _fail(claim, CrmError("worker_lost"), Outcome.INTERRUPTED, expired)


@transaction.atomic
def abandon(claim: Claim, error: CrmError | None = None) -> bool:
    """Closes an attempt whose run was canceled or taken over, so that its meeting is free again."""
    if not _close(claim.attempt, Outcome.INTERRUPTED, error):
        return False
    scheduling.hand_over(claim.run.connection_id)
    active = SyncRun.objects.active().filter(meeting=claim.run.meeting_id).first()
    if active is not None:
        transaction.on_commit(partial(hints.send_hint, active.pk, active.step))
    return True


def recover_lost(now: datetime) -> int:
    """Ends the attempts of workers whose lease is over; returns how many."""
    expired = SyncAttempt.objects.filter(finished_at=None, run__due_at__lte=now)
    attempts = expired.select_related("run__meeting", "run__connection").order_by("pk")[:1000]
    return sum(_recover(Claim(attempt.run, attempt)) for attempt in attempts)


def _recover(claim: Claim) -> bool:
    try:
        return lose_worker(claim) if claim.run.status == Status.RUNNING else abandon(claim)
    except transitions.TransitionRefusedError:
        # One row that fits no rule must not keep the others waiting.
        logger.exception("Sync run %s cannot be recovered.", claim.run.pk)
        return False


def _fail(claim: Claim, error: CrmError, outcome: str, held: SyncRunQuerySet) -> bool:
    now = timezone.now()
    delays = settings.SYNC_RETRY_DELAYS
    decision = retry_policy.decide(
        error, claim.run.failures, delays, random.Random(), claim.run.error_code
    )
    connection = store.lock(pk=claim.run.connection_id)
    if not held.update(**_error_of(error, decision), **_values_after(decision, now)):
        return False
    _close(claim.attempt, outcome, error)
    _tell_meeting_and_connection(decision, claim.run, error, now)
    scheduling.park_if_held(connection)
    return True


def _values_after(decision: retry_policy.Decision, now: datetime) -> dict[str, Any]:
    match decision:
        case retry_policy.Retry(seconds):
            due_at = now + timedelta(seconds=seconds)
            moved = {"status": Status.RETRYING, "failures": F("failures") + 1, "due_at": due_at}
        case retry_policy.Wait(seconds):
            due_at = now + timedelta(seconds=seconds)
            reason = SyncRun.WaitReason.RATE_LIMITED
            moved = {"status": Status.QUEUED, "wait_reason": reason, "due_at": due_at}
            moved["turn_at"] = None
        case retry_policy.Hold():
            moved = {"status": Status.QUEUED, "due_at": now}
        case retry_policy.GiveUp():
            moved = {"status": Status.FAILED, "finished_at": now}
    return {"sent_at": None, **moved}


def _error_of(error: CrmError, decision: retry_policy.Decision) -> dict[str, str]:
    code = decision.code if isinstance(decision, retry_policy.GiveUp) else error.code
    return {
        "error_code": code,
        "error_cause": error.code if code != error.code else "",
        "error_field": error.field[:255],
        "error_detail": error.detail,
    }


def _tell_meeting_and_connection(
    decision: retry_policy.Decision, run: SyncRun, error: CrmError, now: datetime
) -> None:
    if error.code == "record_deleted":
        remote_records.forget_meeting(run)
    if isinstance(decision, retry_policy.Hold | retry_policy.GiveUp):
        incidents.note_failure(run.connection, error.code)
    match decision:
        case retry_policy.Retry():
            transitions.record_failed_attempt(run.meeting_id)
            scheduling.hand_over(run.connection_id)
        case retry_policy.Wait(seconds):
            transitions.note_change(run.meeting_id)
            store.slow_down(run.connection, now + timedelta(seconds=seconds))
        case retry_policy.Hold():
            transitions.stop(run.meeting_id)
            scheduling.hold(run.connection, error)
        case retry_policy.GiveUp():
            transitions.record_failure(run.meeting_id)
            scheduling.hand_over(run.connection_id)


def _with_content() -> SyncRunQuerySet:
    runs = SyncRun.objects.select_related("meeting", "connection")
    return runs.prefetch_related("meeting__attendees")


def _held(claim: Claim) -> SyncRunQuerySet:
    """The run, as long as this claim is the one that counts."""
    return SyncRun.objects.filter(
        pk=claim.run.pk,
        status=Status.RUNNING,
        attempt=claim.run.attempt,
        step=claim.run.step,
    )


def _close(attempt: SyncAttempt, outcome: str, error: CrmError | None = None) -> bool:
    closing: dict[str, Any] = {"outcome": outcome, "finished_at": timezone.now()}
    if error is not None:
        closing["error_code"] = error.code
        closing["http_status"] = error.http_status
        closing["correlation_id"] = error.correlation_id[:255]
        closing["internal_message"] = error.message
        closing["outcome_unknown"] = error.outcome_unknown
    return bool(SyncAttempt.objects.filter(pk=attempt.pk, finished_at=None).update(**closing))


def _lease() -> timedelta:
    return timedelta(seconds=settings.SYNC_LEASE_SECONDS)
