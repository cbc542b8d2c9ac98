"""How an attempt ends: by success, by failure, with a lost worker, or overtaken by another.

Every UPDATE names the claimed attempt, so one whose run was taken over changes nothing. Rows
are locked in the order connection, run, meeting. Hints go out after the commit.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crmsync.connections import store
from crmsync.engine import (
    breaker,
    claims,
    hints,
    remote_records,
    retry_policy,
    scheduling,
    step_durations,
)
from crmsync.errors import CrmError, path_of
from crmsync.incidents import incidents, notices
from crmsync.models import Connection, SyncAttempt, SyncRun, SyncRunQuerySet
from crmsync.providers.base import Ref
from meetings import content, statements, transitions
from meetings.models import SyncStep

logger = structlog.get_logger(__name__)

Status = SyncRun.Status
Outcome = SyncAttempt.Outcome
OPEN = "id = %s AND finished_at IS NULL"
ERROR_FIELDS = ("error_code", "error_field", "error_path", "error_detail")


def complete(claim: claims.Claim, refs: Sequence[Ref]) -> None:
    if claim.run.removes:
        complete_removal(claim)
    else:
        complete_step(claim, refs)


@transaction.atomic
def complete_removal(claim: claims.Claim) -> None:
    """The meeting is gone from the CRM, and now from here, with its runs."""
    run, now = claim.run, timezone.now()
    if not _update_answered(claim, now, status=Status.SUCCEEDED, finished_at=now):
        abandon(claim)
        return
    transaction.on_commit(partial(logger.info, "meeting removed", **_log_keys(claim, now)))
    remote_records.forget_removed(run)
    run.meeting.delete()
    scheduling.enqueue_next_waiting(run.connection_id)


def _update_answered(claim: claims.Claim, now: datetime, **values: Any) -> bool:
    """Changes the run, if the claim holds, and counts that the CRM has answered.

    Locks the connection first, and reads it anew unless all is well.
    """
    run, well = claim.run, store.sql_to_lock_if_well()
    if claims.update_if_leased(claim, run.connection_id, source=well, **values):
        run.connection.state = Connection.State.CONNECTED
        return True
    connection = store.lock(pk=run.connection_id)
    if connection is not None:
        breaker.count_answer(connection, now)
        run.connection.state = connection.state
    return claims.update_if_leased(claim, **values)


@transaction.atomic
def complete_step(claim: claims.Claim, refs: Sequence[Ref]) -> None:
    run, now = claim.run, timezone.now()
    is_last = run.step == SyncStep.NOTES
    ending = {"status": Status.SUCCEEDED, "finished_at": now}
    going_on = {"step": run.step + 1, "due_at": now, "sent_at": now}
    cleared = {"failures": 0, **dict.fromkeys(ERROR_FIELDS, "")}
    written_digest = content.after_step(run.step, run.written_digest, run.read_digest)
    written = remote_records.add_written(run, refs)
    done = {**cleared, "written": written, "written_digest": written_digest}
    if not _update_answered(claim, now, **done, **(ending if is_last else going_on)):
        abandon(claim)
        return
    others_wait = _close_attempt(claim, Outcome.SUCCEEDED)
    transaction.on_commit(partial(logger.info, "step succeeded", **_log_keys(claim, now)))
    _record_duration(claim, now)
    remote_records.store(run, refs)
    if is_last:
        transitions.record_success(run.meeting_id, now)
    else:
        transitions.touch(run.meeting_id)
        scheduling.enqueue_next_step(run.connection, run.pk, run.step + 1)
    if others_wait and (is_last or claim.attempt.holds_contact_lock):
        scheduling.enqueue_next_waiting(run.connection_id)


def _record_duration(claim: claims.Claim, now: datetime) -> None:
    seconds = _seconds_since_start(claim, now)
    provider, step = claim.run.connection.provider, claim.run.step
    # A lambda: Django logs the callback's __qualname__, which a partial lacks.
    transaction.on_commit(lambda: step_durations.record(provider, step, seconds), robust=True)


@transaction.atomic
def fail_step(claim: claims.Claim, error: CrmError) -> None:
    if not _fail(claim, error, Outcome.FAILED, claims.still_leased(claim)):
        abandon(claim, error)


@transaction.atomic
def expire_lease(claim: claims.Claim) -> bool:
    """For a worker that fell silent. False if the lease was renewed meanwhile."""
    expired = claims.still_leased(claim).filter(due_at__lte=timezone.now())
    return _fail(claim, CrmError("worker_lost"), Outcome.INTERRUPTED, expired)


@transaction.atomic
def abandon(claim: claims.Claim, error: CrmError | None = None) -> bool:
    """Closes an attempt whose run was canceled or taken over, which frees its meeting."""
    if _close_attempt(claim, Outcome.INTERRUPTED, error) is None:
        return False
    scheduling.enqueue_next_waiting(claim.run.connection_id)
    active = SyncRun.objects.active().filter(meeting=claim.run.meeting_id).first()
    if active is not None:
        transaction.on_commit(partial(hints.send_hint, active.pk, active.step))
    return True


def reap_expired(now: datetime) -> int:
    """Ends the attempts whose lease has expired; returns how many."""
    expired = SyncAttempt.objects.filter(finished_at=None, run__due_at__lte=now)
    attempts = expired.select_related("run__meeting", "run__connection").order_by("pk")[:1000]
    return sum(_reap(claims.Claim(attempt.run, attempt)) for attempt in attempts)


def end_long_outages(now: datetime) -> None:
    limit = timedelta(hours=settings.SYNC_OUTAGE_HOURS)
    for run in breaker.long_out(now, limit).order_by("pk")[:1000]:
        _give_up_waiting(run, now)


@transaction.atomic
def _give_up_waiting(run: SyncRun, now: datetime) -> None:
    connection = store.lock(pk=run.connection_id)
    waiting = SyncRun.objects.active().filter(pk=run.pk).without_open_attempt()
    why = {"error_code": "attempts_exhausted", "error_cause": "crm_unavailable"}
    if connection and waiting.update(status=Status.FAILED, finished_at=now, **why):
        incidents.record_failure(connection, "crm_unavailable", now)
        _record_failure(run)


def _reap(claim: claims.Claim) -> bool:
    try:
        return expire_lease(claim) if claim.run.status == Status.RUNNING else abandon(claim)
    except transitions.TransitionRefusedError:
        # One bad row must not block the others.
        logger.exception("lease not reaped", run=claim.run.pk)
        return False


def _fail(claim: claims.Claim, error: CrmError, outcome: str, held: SyncRunQuerySet) -> bool:
    now = timezone.now()
    delays = settings.SYNC_RETRY_DELAYS
    connection = store.lock(pk=claim.run.connection_id)
    decision = retry_policy.decide(
        error, claim.run.failures, delays, random.Random(), claim.run.error_code
    )
    if connection is not None and breaker.count_outcome(connection, error, now):
        decision = retry_policy.AwaitHost()
    if not held.update(**_error_of(claim, error, decision), **_values_after(decision, now)):
        return False
    _close_attempt(claim, outcome, error)
    keys = {**_log_keys(claim, now), "error": error.code, **_log_keys_of(decision)}
    transaction.on_commit(partial(logger.warning, "step failed", **keys))
    _apply_consequences(decision, claim.run, error, now)
    scheduling.release_slots_if_blocked(connection)
    return True


def _log_keys(claim: claims.Claim, now: datetime) -> dict[str, Any]:
    return {**claim.log_keys, "seconds": round(_seconds_since_start(claim, now), 2)}


def _log_keys_of(decision: retry_policy.Decision) -> dict[str, Any]:
    match decision:
        case retry_policy.Retry(seconds):
            return {"decision": "retry", "next_in": round(seconds, 1)}
        case retry_policy.Wait(seconds):
            return {"decision": "wait", "next_in": round(seconds, 1)}
        case retry_policy.Hold():
            return {"decision": "hold"}
        case retry_policy.AwaitHost():
            return {"decision": "await host"}
        case retry_policy.GiveUp():
            return {"decision": "give up"}


def _seconds_since_start(claim: claims.Claim, now: datetime) -> float:
    return (now - claim.attempt.started_at).total_seconds()


def _values_after(decision: retry_policy.Decision, now: datetime) -> dict[str, Any]:
    match decision:
        case retry_policy.Retry(seconds):
            due_at = now + timedelta(seconds=seconds)
            moved = {"status": Status.RETRYING, "failures": F("failures") + 1, "due_at": due_at}
        case retry_policy.Wait(seconds):
            due_at = now + timedelta(seconds=seconds)
            reason = SyncRun.WaitReason.RATE_LIMITED
            moved = {"status": Status.QUEUED, "wait_reason": reason, "due_at": due_at}
            moved["ready_since"] = None
        case retry_policy.Hold():
            moved = {"status": Status.QUEUED, "due_at": now}
        case retry_policy.AwaitHost():
            moved = {"status": Status.QUEUED, "due_at": now, "ready_since": None}
        case retry_policy.GiveUp():
            moved = {"status": Status.FAILED, "finished_at": now}
    return {"sent_at": None, **moved}


def _error_of(
    claim: claims.Claim, error: CrmError, decision: retry_policy.Decision
) -> dict[str, str]:
    code = decision.code if isinstance(decision, retry_policy.GiveUp) else error.code
    emails = [attendee.email for attendee in claim.run.meeting.people]
    return {
        "error_code": code,
        "error_cause": error.code if code != error.code else "",
        "error_field": error.field[:255],
        "error_path": path_of(error.field, error.detail, emails),
        "error_detail": error.detail,
    }


def _apply_consequences(
    decision: retry_policy.Decision, run: SyncRun, error: CrmError, now: datetime
) -> None:
    if error.code == "record_deleted":
        remote_records.forget_meeting(run)
    if isinstance(decision, retry_policy.Hold | retry_policy.GiveUp):
        incidents.record_failure(run.connection, error.code, now)
        notices.request(run, error.code, now)
    match decision:
        case retry_policy.Retry():
            _record_failed_attempt(run)
            scheduling.enqueue_next_waiting(run.connection_id)
        case retry_policy.Wait(seconds):
            transitions.touch(run.meeting_id)
            store.throttle_until(run.connection, now + timedelta(seconds=seconds))
        case retry_policy.AwaitHost():
            transitions.touch(run.meeting_id)
        case retry_policy.Hold():
            transitions.clear_progress(run.meeting_id)
            scheduling.block_connection(run.connection, error)
        case retry_policy.GiveUp():
            _record_failure(run)
            scheduling.enqueue_next_waiting(run.connection_id)


def _record_failed_attempt(run: SyncRun) -> None:
    if run.removes:  # It says nothing of how the last sync went.
        transitions.touch(run.meeting_id)
    else:
        transitions.record_failed_attempt(run.meeting_id)


def _record_failure(run: SyncRun) -> None:
    if run.removes:
        transitions.clear_progress(run.meeting_id)
    else:
        transitions.record_failure(run.meeting_id)


def _close_attempt(claim: claims.Claim, outcome: str, error: CrmError | None = None) -> bool | None:
    """Whether another run of the connection waits; None if the attempt was closed before."""
    now = timezone.now()
    closing: dict[str, Any] = {"outcome": outcome, "finished_at": now}
    if error is not None:
        closing["error_code"] = error.code
        closing["http_status"] = error.http_status
        closing["correlation_id"] = error.correlation_id[:255]
        closing["internal_message"] = error.message
        closing["outcome_unknown"] = error.outcome_unknown
    given = (claim.attempt.pk, claim.run.connection_id, now)
    asked = [scheduling.IS_ANY_WAITING]
    rows = statements.update(SyncAttempt, OPEN, *given, returning=asked, **closing)
    return bool(rows[0][0]) if rows else None
