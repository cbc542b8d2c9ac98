"""How a worker claims a run for one attempt, and keeps the claim.

Every UPDATE names the claimed attempt, so one whose run was taken over changes nothing. Rows are
locked in the order connection, run, meeting.
"""

import os
import socket
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from crmsync.engine import breaker, hints, remote_records, scheduling
from crmsync.errors import CrmError
from crmsync.models import Connection, CrmHost, SyncAttempt, SyncRun, SyncRunQuerySet
from crmsync.providers.base import Known
from meetings import content, statements, transitions
from meetings.models import Meeting, SyncStep

Status = SyncRun.Status
# Without an open attempt in any run of the meeting: one sync per meeting at a time.
DUE = """
    id = %s AND status IN ('queued', 'running', 'retrying') AND step = %s AND due_at <= %s
    AND NOT EXISTS (
        SELECT 1 FROM crmsync_syncattempt
        JOIN crmsync_syncrun AS run ON run.id = crmsync_syncattempt.run_id
        WHERE run.meeting_id = %s AND crmsync_syncattempt.finished_at IS NULL
    )
"""
OF_RUN = """
    crmsync_syncrun
    JOIN crmsync_connection ON crmsync_connection.id = crmsync_syncrun.connection_id
    LEFT JOIN crmsync_crmhost ON crmsync_crmhost.id = crmsync_connection.host_id
    JOIN meetings_meeting ON meetings_meeting.id = crmsync_syncrun.meeting_id
    JOIN accounts_user ON accounts_user.id = meetings_meeting.user_id
    WHERE crmsync_syncrun.id = %s
"""
LOCKED = ("crmsync_connection", "crmsync_syncrun", "meetings_meeting")  # In this order.


class StaleAttemptError(Exception):
    """The run was canceled, or another worker has taken it over."""


@dataclass(frozen=True)
class Claim:
    """A worker's right to perform one attempt of one step.

    `known`: what the run's account holds of its meeting and of the attendees, as of the claim.
    """

    run: SyncRun
    attempt: SyncAttempt
    known: Known = field(default_factory=dict)

    @property
    def log_keys(self) -> dict[str, Any]:
        run = self.run
        where = {"run": run.pk, "reference": run.reference}
        return {**where, "step": run.step, "attempt": self.attempt.number}


@transaction.atomic
def claim(run_id: int, step: int) -> Claim | None:
    """Takes a due run for one attempt; None if there is nothing to do now."""
    run = _lock(run_id)
    now = timezone.now()
    if run is None or not scheduling.try_acquire_slot(run, now):
        return None
    known = _read_content(run)
    is_current = content.is_current(run.step, run.written_digest, run.read_digest)
    if run.started_at is None and not is_current and not run.removes:
        _restart_from_first_step(run)
        return None
    holds_contact_lock = remote_records.is_missing_contacts(run, known)
    if holds_contact_lock and not scheduling.try_acquire_contact_lock(run, now):
        return None
    is_due = run.step == step and run.due_at <= now  # A hint that is late takes no probe.
    if not (is_due and breaker.lets_through(run.connection, now) and _take(run, step, now)):
        return None
    attempt = SyncAttempt(
        run=run,
        claim=run.attempt,
        step=step,
        number=run.failures + 1,
        started_at=now,
        worker=_worker_name(),
        holds_contact_lock=holds_contact_lock,
    )
    statements.insert(attempt)
    transitions.start_step(run.meeting_id, SyncStep(step))
    return Claim(run, attempt, known)


def _worker_name() -> str:
    return f"{socket.gethostname()[:100]}, process {os.getpid()}"


def _take(run: SyncRun, step: int, now: datetime) -> bool:
    """Needs the run's row, locked since it was read."""
    taken: dict[str, Any] = {
        "status": Status.RUNNING,
        "attempt": run.attempt + 1,
        "due_at": now + _lease(),
        "started_at": run.started_at or now,
        "step_started_at": now,
        "read_digest": run.read_digest,
        "wait_reason": "",
        "waits_for_contact_lock": False,
    }
    if not statements.update(SyncRun, DUE, run.pk, step, now, run.meeting_id, **taken):
        return False
    for name, value in taken.items():
        setattr(run, name, value)
    return True


def _restart_from_first_step(run: SyncRun) -> None:
    """For a meeting that was edited after its run was re-queued at a later step."""
    waiting = SyncRun.objects.active().filter(pk=run.pk, started_at=None)
    blank = {"step": SyncStep.CONTACTS, "written": [], "written_digest": ""}
    if waiting.update(sent_at=timezone.now(), **blank):
        transitions.touch(run.meeting_id)
        transaction.on_commit(partial(hints.send_hint, run.pk, SyncStep.CONTACTS))


def renew_lease(claim: Claim) -> None:
    """Extends the lease, within the deadline of the step.

    Raises StaleAttemptError if the claim no longer holds, and CrmError after the deadline.
    """
    now = timezone.now()
    if not update_if_leased(claim, due_at=now + _lease()):
        raise StaleAttemptError
    if now > claim.attempt.started_at + timedelta(seconds=settings.SYNC_STEP_SECONDS):
        raise CrmError("crm_timeout", f"The step took over {settings.SYNC_STEP_SECONDS:g} seconds.")


def _lock(run_id: int) -> SyncRun | None:
    """The run with all it belongs to. An edit of its meeting is read whole, or not at all."""
    rows = statements.read(
        (SyncRun, Connection, CrmHost, Meeting, User), OF_RUN + statements.lock_of(*LOCKED), run_id
    )
    if not rows:
        return None
    run, run.connection, run.connection.host, run.meeting, user = rows[0]
    run.connection.user = run.meeting.user = user
    return run


def _read_content(run: SyncRun) -> Known:
    """What its meeting says now, and what the account holds. Needs their rows locked."""
    meeting = run.meeting
    meeting.people, known = remote_records.read(run)
    run.read_digest = content.digest(meeting, meeting.people)
    if meeting.content_digest != run.read_digest:  # Its writer did not record it.
        transitions.record_content(meeting.pk)
    return known


def update_if_leased(claim: Claim, *given: Any, source: str = "", **values: Any) -> bool:
    """Unless another claim or an end has overtaken this one, or `source` finds nothing."""
    held = _row_of(claim)
    where = " AND ".join(f"{name} = %s" for name in held)
    return bool(statements.update(SyncRun, where, *given, *held.values(), source=source, **values))


def still_leased(claim: Claim) -> SyncRunQuerySet:
    """The claim's run, unless another claim or an end has overtaken it."""
    return SyncRun.objects.filter(**_row_of(claim))


def _row_of(claim: Claim) -> dict[str, Any]:
    """What its run's row holds while the claim does."""
    run = claim.run
    return {"id": run.pk, "status": Status.RUNNING, "attempt": run.attempt, "step": run.step}


def _lease() -> timedelta:
    return timedelta(seconds=settings.SYNC_LEASE_SECONDS)
