"""The only writer of the totals: adds up ended syncs, each once."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F

from crmsync.models import (
    RecentRuns,
    RecentSteps,
    RunTotals,
    StepTotals,
    SyncAttempt,
    SyncRun,
    SyncRunQuerySet,
)

BATCH = 1000
KIND = ("provider", "status", "error_code", "error_cause")
BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)  # Upper bounds in seconds.
SLOT = timedelta(minutes=10)
KEPT = timedelta(hours=25)  # Of the recent totals.
Step = tuple[str, int, datetime]  # Its provider, its number, and the slot in which it ended.


def slot_of(at: datetime) -> datetime:
    """The start of the ten minutes that it is in."""
    return at - timedelta(minutes=at.minute % 10, seconds=at.second, microseconds=at.microsecond)


@transaction.atomic
def add_ended() -> int:
    """Adds the next batch of ended runs; returns how many."""
    pks = list(_not_added().values_list("pk", flat=True)[:BATCH])
    if not pks:
        return 0
    _add_runs(pks)
    _add_steps(_steps_of(pks))
    return SyncRun.objects.filter(pk__in=pks).update(counted=True)


def forget_old(now: datetime) -> None:
    for recent in (RecentRuns.objects, RecentSteps.objects):
        recent.filter(since__lt=now - KEPT).delete()


def _not_added() -> SyncRunQuerySet:
    ended = SyncRun.objects.filter(counted=False, finished_at__isnull=False).order_by("pk")
    return ended.select_for_update(skip_locked=True, no_key=True)


def _add_runs(pks: Sequence[int]) -> None:
    runs = SyncRun.objects.filter(pk__in=pks).annotate(tries=Count("attempts"))
    kinds: Counter[tuple[str, ...]] = Counter()
    tries: Counter[tuple[str, ...]] = Counter()
    recent: Counter[tuple[datetime, str, str]] = Counter()
    for number, at, *kind in runs.order_by().values_list("tries", "finished_at", *KIND):
        kinds[tuple(kind)] += 1
        tries[tuple(kind)] += number
        recent[slot_of(at), kind[0], kind[1]] += 1
    # In a fixed order, to avoid deadlocks.
    for of_kind in sorted(kinds):
        named = dict(zip(KIND, of_kind, strict=True))
        _increase(RunTotals.objects, named, runs=kinds[of_kind], attempts=tries[of_kind])
    for of_slot in sorted(recent):
        slot = dict(zip(("since", "provider", "status"), of_slot, strict=True))
        _increase(RecentRuns.objects, slot, runs=recent[of_slot])


def _increase(totals: Any, named: Mapping[str, Any], **by: int) -> None:
    total, _ = totals.get_or_create(**named)
    totals.filter(pk=total.pk).update(**{name: F(name) + number for name, number in by.items()})


def _steps_of(pks: Sequence[int]) -> Mapping[Step, Sequence[float]]:
    """The seconds that successful steps took."""
    done = SyncAttempt.objects.filter(run__in=pks, outcome=SyncAttempt.Outcome.SUCCEEDED)
    taken: dict[Step, list[float]] = defaultdict(list)
    done = done.annotate(took=F("finished_at") - F("started_at")).order_by()
    kinds = done.values_list("run__provider", "step", "started_at", "took")
    for provider, step, started_at, took in kinds:
        taken[provider, step, slot_of(started_at + took)].append(took.total_seconds())
    return taken


def _add_steps(taken: Mapping[Step, Sequence[float]]) -> None:
    # In a fixed order, to avoid deadlocks.
    for (provider, step, since), seconds in sorted(taken.items()):
        named: dict[str, Any] = {"provider": provider, "step": step}
        StepTotals.objects.get_or_create(**named)
        total = StepTotals.objects.select_for_update().get(**named)
        total.counts = _with(total.counts, seconds)
        total.seconds += sum(seconds)
        total.save()
        # The row that is locked above keeps others from this one.
        recent, _ = RecentSteps.objects.get_or_create(**named, since=since)
        recent.counts = _with(recent.counts, seconds)
        recent.save()


def _with(counts: Sequence[int], seconds: Sequence[float]) -> list[int]:
    """The histogram with these added to it."""
    added = list(counts) or [0] * (len(BUCKETS) + 1)
    for each in seconds:
        added[bisect_left(BUCKETS, each)] += 1
    return added
