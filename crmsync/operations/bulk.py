"""The only writer of Intervention: what staff do to syncs and connections, one row for each deed.

The row is the audit entry and the work list in one. A few targets are done at once; many are done
by workers, a slice a second, so that a CRM which has just come back is not overrun. Whoever dies in
a slice leaves its rest to the next hint; at most the target it was at is done twice.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, InternalError, OperationalError
from django.db.models import Q
from django.utils import timezone

from crmsync.connections import store
from crmsync.models import Connection, Intervention, SyncRun
from crmsync.operations import connections, syncs
from crmsync.operations.requeue import Outcome, foresee, requeue
from meetings.models import Meeting
from meetings.transitions import TransitionRefusedError

logger = logging.getLogger(__name__)

Kind = Intervention.Kind
AT_ONCE = 10
RATE = 5  # A second.
SLICE_TIME = timedelta(seconds=60)  # Longer than one takes.
RESEND_AFTER = timedelta(seconds=5)
OF_CONNECTIONS = (Kind.PAUSE, Kind.RESUME)
DONE = {Kind.CANCEL: "canceled", Kind.PAUSE: "paused", Kind.RESUME: "resumed"}
NOT_DONE = {Kind.CANCEL: "already ended", Kind.PAUSE: "not to be paused", Kind.RESUME: "not paused"}


def start(kind: str, targets: Sequence[int], by: Any, reason: str) -> Intervention:
    """Done when it returns, if the targets are few."""
    intervention = Intervention.objects.create(
        kind=kind,
        targets=list(targets),
        by=by,
        by_name=str(by),
        reason=reason,
        finished_at=None if targets else timezone.now(),
    )
    if len(targets) <= AT_ONCE:
        carry_out(intervention.pk)
        intervention.refresh_from_db()
    return intervention


def record(reason: str, outcomes: Counter[str]) -> None:
    """What was re-queued at the command line, at a pace of its own."""
    if outcomes:
        Intervention.objects.create(
            kind=Kind.REQUEUE,
            targets=[],
            position=outcomes.total(),
            by_name="the command line",
            reason=reason,
            outcomes=outcomes,
            finished_at=timezone.now(),
        )


def foresee_outcomes(kind: str, targets: Sequence[int]) -> Counter[str]:
    """What would come of it now, counted."""
    latest = SyncRun.objects.filter(meeting__in=targets).latest_of_each()
    if kind in (Kind.REQUEUE, Kind.RESTART):
        runs = latest.select_related("connection")
        return Counter(foresee(run, from_start=kind == Kind.RESTART) for run in runs)
    able = {
        Kind.CANCEL: latest.active(),
        Kind.PAUSE: Connection.objects.filter(pk__in=targets, state__in=store.WORKING),
        Kind.RESUME: Connection.objects.filter(pk__in=targets, state=Connection.State.PAUSED),
    }
    count = able[Kind(kind)].count()
    return +Counter({DONE[Kind(kind)]: count, NOT_DONE[Kind(kind)]: len(targets) - count})


def carry_out(pk: int) -> None:
    """The job: the next slice, if one is due and nobody else is at it."""
    now = timezone.now()
    lease = now + SLICE_TIME
    due = Intervention.objects.filter(pk=pk, finished_at=None, due_at__lte=now)
    if not due.update(due_at=lease):
        return
    intervention = Intervention.objects.get(pk=pk)
    mine = Intervention.objects.filter(pk=pk, due_at=lease)
    for target in _slice(intervention):
        outcome = _try(intervention, target)
        intervention.outcomes[outcome] = intervention.outcomes.get(outcome, 0) + 1
        intervention.position += 1
        done = {"position": intervention.position, "outcomes": intervention.outcomes}
        if not mine.update(**done):  # It took too long, and somebody else went on.
            return
    is_over = intervention.position >= len(intervention.targets)
    over = {"finished_at": timezone.now()} if is_over else {}
    mine.update(due_at=now + timedelta(seconds=1), sent_at=None, **over)


def take_due(now: datetime) -> list[int]:
    """Those that no recent hint points at, marked as sent."""
    unsent = Q(sent_at=None) | Q(sent_at__lte=now - RESEND_AFTER)
    due = Intervention.objects.filter(unsent, finished_at=None, due_at__lte=now)
    pks = list(due.order_by("pk").values_list("pk", flat=True)[:10])
    Intervention.objects.filter(pk__in=pks).update(sent_at=now)
    return pks


def _slice(intervention: Intervention) -> list[int]:
    few = len(intervention.targets) <= AT_ONCE
    start = intervention.position
    return intervention.targets[start : start + (AT_ONCE if few else RATE)]


def _try(intervention: Intervention, target: int) -> str:
    try:
        return _do(intervention, target)
    except (OperationalError, InterfaceError, InternalError):
        raise  # The database is away; the next hint goes on here.
    except Exception:  # One target must not keep the others waiting for ever.
        logger.exception("Intervention %s met a bug at %s.", intervention.pk, target)
        return "met an error on our side"


def _do(intervention: Intervention, target: int) -> str:
    kind = Kind(intervention.kind)
    if kind in (Kind.REQUEUE, Kind.RESTART):
        return _requeue(intervention, target)
    deeds = {Kind.PAUSE: connections.pause, Kind.RESUME: connections.resume, Kind.CANCEL: _cancel}
    return DONE[kind] if deeds[kind](target) else NOT_DONE[kind]


def _requeue(intervention: Intervention, meeting_id: int) -> str:
    meeting = Meeting.objects.filter(pk=meeting_id).first()
    if meeting is None:
        return Outcome.DELETED
    from_start = intervention.kind == Kind.RESTART
    return requeue(meeting, intervention.by, intervention.reason, from_start=from_start)


def _cancel(meeting_id: int) -> bool:
    try:
        return syncs.cancel(meeting_id)
    except TransitionRefusedError:  # Deleted meanwhile, and its sync with it.
        return False
