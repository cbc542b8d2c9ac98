"""The only writer of SupportAction: what staff do, one row per action, and one per target.

The row is both audit entry and work list. A few targets are done at once. Many are done by
workers, a batch a second, so that a CRM which has just recovered is not overrun. If a worker dies,
the next hint continues; at most the target that it was working on is done twice.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from crmsync.errors import DATABASE_UNAVAILABLE
from crmsync.models import ActionResult, SupportAction
from crmsync.operations.support_kinds import carry_out

logger = structlog.get_logger(__name__)

Kind = SupportAction.Kind
INLINE_LIMIT = 10
TARGETS_PER_SECOND = 5  # Batch size; one batch a second.
BATCH_LEASE = timedelta(seconds=120)  # Longer than one batch takes.
RESEND_AFTER = timedelta(seconds=5)


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
    if is_immediate(kind, len(targets)):
        run_batch(action.pk)
        action.refresh_from_db()
    return action


def is_immediate(kind: str, count: int) -> bool:
    """Whether it is done at once; whatever calls a CRM is left to the workers."""
    return count <= INLINE_LIMIT and kind != Kind.CHECK


def targets_per_second(kind: str) -> int:
    """At most: workers do a batch of so many a second. A call to a CRM may take long."""
    return 1 if kind == Kind.CHECK else TARGETS_PER_SECOND


def stop(pk: int, by: Any) -> bool:
    """Ends one that is under way. The target that a worker has just begun may still be done."""
    unfinished = SupportAction.objects.filter(pk=pk, finished_at=None)
    return bool(unfinished.update(finished_at=timezone.now(), stopped_by=str(by)))


def record_log_in(by: Any, client: str) -> None:
    SupportAction.objects.create(
        kind=Kind.LOG_IN,
        targets=[],
        by=by,
        by_name=str(by),
        reason=f"From {client}.",
        finished_at=timezone.now(),
    )


class CommandLog:
    """The audit entry of a re-queue from the command line, kept up to date as it goes."""

    def __init__(self, who: str, reason: str) -> None:
        name = f"{who} at the command line"
        self.action = SupportAction(kind=Kind.REQUEUE, targets=[], by_name=name, reason=reason)

    @property
    def outcomes(self) -> Mapping[str, int]:
        return self.action.outcomes

    @transaction.atomic
    def add(self, target: int, outcome: str) -> None:
        self.action.finished_at = timezone.now()  # Or a worker would go on with it.
        if self.action.pk is None:
            self.action.save()
        _record(self.action, target, outcome)
        self.action.save()


def run_batch(pk: int) -> None:
    """The next batch, if one is due and no other worker has it."""
    now = timezone.now()
    lease = now + BATCH_LEASE
    due = SupportAction.objects.filter(pk=pk, finished_at=None, due_at__lte=now)
    if not due.update(due_at=lease):
        return
    action = SupportAction.objects.get(pk=pk)
    held = SupportAction.objects.filter(pk=pk, due_at=lease)
    mine = held.filter(finished_at=None)  # Staff may stop it.
    for target in _next_batch(action):
        if not mine.exists() or not _do(action, target, held):
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
    few = is_immediate(action.kind, len(action.targets))
    size = INLINE_LIMIT if few else targets_per_second(action.kind)
    return action.targets[action.position : action.position + size]


def _do(action: SupportAction, target: int, held: QuerySet[SupportAction]) -> bool:
    """Acts and writes down what came of it, also if it was stopped meanwhile.

    False if another worker has continued after the lease.
    """
    outcome = _act_safely(action, target)
    with transaction.atomic():
        _record(action, target, outcome)
        done = {"position": action.position, "outcomes": action.outcomes}
        is_held = bool(held.update(**done))
        if not is_held:
            transaction.set_rollback(True)
    return is_held


def _record(action: SupportAction, target: int, outcome: str) -> None:
    ActionResult.objects.create(action=action, target=target, outcome=outcome)
    action.outcomes[outcome] = action.outcomes.get(outcome, 0) + 1
    action.position += 1


def _act_safely(action: SupportAction, target: int) -> str:
    try:
        return carry_out(action, target)
    except DATABASE_UNAVAILABLE:
        raise  # The database is unavailable; the next hint continues here.
    except Exception:  # One target must not block the others for ever.
        logger.exception("support action hit a bug", action=action.pk, target=target)
        return "hit an error on our side"
