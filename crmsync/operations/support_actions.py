"""The only writer of SupportAction: what staff do to syncs and connections, one row per action.

The row is both audit entry and work list. A few targets are done at once. Many are done by
workers, a batch a second, so that a CRM which has just recovered is not overrun. If a worker dies,
the next hint continues; at most the target that it was working on is done twice.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import Q
from django.utils import timezone

from crmsync.connections import store
from crmsync.errors import DATABASE_UNAVAILABLE
from crmsync.models import Connection, SupportAction, SyncRun
from crmsync.operations import connections, syncs
from crmsync.operations.requeue import Outcome, preview_requeue, requeue
from meetings.models import Meeting
from meetings.transitions import TransitionRefusedError

logger = structlog.get_logger(__name__)

Kind = SupportAction.Kind
INLINE_LIMIT = 10
TARGETS_PER_SECOND = 5  # Batch size; one batch a second.
BATCH_LEASE = timedelta(seconds=60)  # Longer than one batch takes.
RESEND_AFTER = timedelta(seconds=5)
CONNECTION_KINDS = (Kind.PAUSE, Kind.RESUME)
DONE = {Kind.CANCEL: "canceled", Kind.PAUSE: "paused", Kind.RESUME: "resumed"}
NOT_DONE = {Kind.CANCEL: "already ended", Kind.PAUSE: "cannot be paused", Kind.RESUME: "not paused"}


def start(kind: str, targets: Sequence[int], by: Any, reason: str) -> SupportAction:
    """A few targets are done when it returns; many follow in the background."""
    action = SupportAction.objects.create(
        kind=kind,
        targets=list(targets),
        by=by,
        by_name=str(by),
        reason=reason,
        finished_at=None if targets else timezone.now(),
    )
    if len(targets) <= INLINE_LIMIT:
        run_batch(action.pk)
        action.refresh_from_db()
    return action


def record_command(reason: str, outcomes: Counter[str]) -> None:
    """The audit entry of a re-queue from the command line."""
    if outcomes:
        SupportAction.objects.create(
            kind=Kind.REQUEUE,
            targets=[],
            position=outcomes.total(),
            by_name="the command line",
            reason=reason,
            outcomes=outcomes,
            finished_at=timezone.now(),
        )


def preview(kind: str, targets: Sequence[int]) -> Counter[str]:
    """The outcomes that the action would have now, counted."""
    latest = SyncRun.objects.filter(meeting__in=targets).latest_of_each()
    if kind in (Kind.REQUEUE, Kind.RESTART):
        runs = latest.select_related("connection__host")
        return Counter(preview_requeue(run, from_start=kind == Kind.RESTART) for run in runs)
    able = {
        Kind.CANCEL: latest.active(),
        Kind.PAUSE: Connection.objects.filter(pk__in=targets, state__in=store.WORKING),
        Kind.RESUME: Connection.objects.filter(pk__in=targets, state=Connection.State.PAUSED),
    }
    count = able[Kind(kind)].count()
    return +Counter({DONE[Kind(kind)]: count, NOT_DONE[Kind(kind)]: len(targets) - count})


def run_batch(pk: int) -> None:
    """The next batch, if one is due and no other worker has it."""
    now = timezone.now()
    lease = now + BATCH_LEASE
    due = SupportAction.objects.filter(pk=pk, finished_at=None, due_at__lte=now)
    if not due.update(due_at=lease):
        return
    action = SupportAction.objects.get(pk=pk)
    mine = SupportAction.objects.filter(pk=pk, due_at=lease)
    for target in _next_batch(action):
        outcome = _act_safely(action, target)
        action.outcomes[outcome] = action.outcomes.get(outcome, 0) + 1
        action.position += 1
        done = {"position": action.position, "outcomes": action.outcomes}
        if not mine.update(**done):  # The lease expired, and another worker continued.
            return
    is_over = action.position >= len(action.targets)
    over = {"finished_at": timezone.now()} if is_over else {}
    mine.update(due_at=now + timedelta(seconds=1), sent_at=None, **over)


def select_due(now: datetime) -> list[int]:
    """Those without a recent hint; marks them as sent."""
    unsent = Q(sent_at=None) | Q(sent_at__lte=now - RESEND_AFTER)
    due = SupportAction.objects.filter(unsent, finished_at=None, due_at__lte=now)
    pks = list(due.order_by("pk").values_list("pk", flat=True)[:10])
    SupportAction.objects.filter(pk__in=pks).update(sent_at=now)
    return pks


def _next_batch(action: SupportAction) -> list[int]:
    few = len(action.targets) <= INLINE_LIMIT
    start = action.position
    return action.targets[start : start + (INLINE_LIMIT if few else TARGETS_PER_SECOND)]


def _act_safely(action: SupportAction, target: int) -> str:
    try:
        return _act(action, target)
    except DATABASE_UNAVAILABLE:
        raise  # The database is unavailable; the next hint continues here.
    except Exception:  # One target must not block the others for ever.
        logger.exception("support action hit a bug", action=action.pk, target=target)
        return "hit an error on our side"


def _act(action: SupportAction, target: int) -> str:
    kind = Kind(action.kind)
    if kind in (Kind.REQUEUE, Kind.RESTART):
        return _requeue(action, target)
    actions = {Kind.PAUSE: connections.pause, Kind.RESUME: connections.resume, Kind.CANCEL: _cancel}
    return DONE[kind] if actions[kind](target) else NOT_DONE[kind]


def _requeue(action: SupportAction, meeting_id: int) -> str:
    meeting = Meeting.objects.filter(pk=meeting_id).first()
    if meeting is None:
        return Outcome.DELETED
    from_start = action.kind == Kind.RESTART
    return requeue(meeting, action.by, action.reason, from_start=from_start)


def _cancel(meeting_id: int) -> bool:
    try:
        return syncs.cancel(meeting_id)
    except TransitionRefusedError:  # The meeting was deleted, and its sync with it.
        return False
