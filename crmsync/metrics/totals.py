"""The only writer of the totals: adds up ended syncs, each once."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F
from django.utils import timezone

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
    # In a fixed order, to avoid deadlocks.
    _add_runs(pks)
    _add_recent_runs(pks)
    _add_steps(dict(sorted(_steps_of(pks))))
    _forget_what_is_not_recent()
    return SyncRun.objects.filter(pk__in=pks).update(counted=True)


def _not_added() -> SyncRunQuerySet:
    ended = SyncRun.objects.filter(counted=False, finished_at__isnull=False).order_by("pk")
    return ended.select_for_update(skip_locked=True, no_key=True)


def _add_runs(pks: Sequence[int]) -> None:
    runs = SyncRun.objects.filter(pk__in=pks).annotate(tries=Count("attempts"))
    kinds: Counter[tuple[str, ...]] = Counter()
    tries: Counter[tuple[str, ...]] = Counter()
    for *kind, number in runs.order_by().values_list(*KIND, "tries"):
        kinds[tuple(kind)] += 1
        tries[tuple(kind)] += number
    for kind in sorted(kinds):
        named: dict[str, Any] = dict(zip(KIND, kind, strict=True))
        total, _ = RunTotals.objects.get_or_create(**named)
        RunTotals.objects.filter(pk=total.pk).update(
            runs=F("runs") + kinds[kind], attempts=F("attempts") + tries[kind]
        )


def _add_recent_runs(pks: Sequence[int]) -> None:
    ended = SyncRun.objects.filter(pk__in=pks).values_list("finished_at", "provider", "status")
    counts = Counter((slot_of(at), provider, status) for at, provider, status in ended if at)
    for (since, provider, status), count in sorted(counts.items()):
        total, _ = RecentRuns.objects.get_or_create(since=since, provider=provider, status=status)
        RecentRuns.objects.filter(pk=total.pk).update(runs=F("runs") + count)


def _steps_of(pks: Sequence[int]) -> Iterator[tuple[Step, list[float]]]:
    """The seconds that successful steps took."""
    done = SyncAttempt.objects.filter(run__in=pks, outcome=SyncAttempt.Outcome.SUCCEEDED)
    taken: dict[Step, list[float]] = defaultdict(list)
    done = done.annotate(took=F("finished_at") - F("started_at")).order_by()
    kinds = done.values_list("run__provider", "step", "started_at", "took")
    for provider, step, started_at, took in kinds:
        taken[provider, step, slot_of(started_at + took)].append(took.total_seconds())
    yield from taken.items()


def _add_steps(taken: Mapping[Step, Sequence[float]]) -> None:
    for (provider, step, since), seconds in taken.items():
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


def _forget_what_is_not_recent() -> None:
    long_ago = timezone.now() - KEPT
    for kept in (RecentRuns.objects, RecentSteps.objects):
        kept.filter(since__lt=long_ago).delete()
