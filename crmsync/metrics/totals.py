"""The only writer of the totals: adds up ended syncs, each once."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, F

from crmsync.models import RunTotals, StepTotals, SyncAttempt, SyncRun, SyncRunQuerySet

BATCH = 1000
KIND = ("provider", "status", "error_code", "error_cause")
BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)  # Upper bounds in seconds.


@transaction.atomic
def add_ended() -> int:
    """Adds the next batch of ended runs; returns how many."""
    pks = list(_not_added().values_list("pk", flat=True)[:BATCH])
    if not pks:
        return 0
    _add_runs(pks)
    _add_steps(pks)
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
    # In a fixed order, to avoid deadlocks.
    for kind in sorted(kinds):
        named: dict[str, Any] = dict(zip(KIND, kind, strict=True))
        total, _ = RunTotals.objects.get_or_create(**named)
        RunTotals.objects.filter(pk=total.pk).update(
            runs=F("runs") + kinds[kind], attempts=F("attempts") + tries[kind]
        )


def _add_steps(pks: Sequence[int]) -> None:
    done = SyncAttempt.objects.filter(run__in=pks, outcome=SyncAttempt.Outcome.SUCCEEDED)
    taken: dict[tuple[str, int], list[float]] = defaultdict(list)
    done = done.annotate(took=F("finished_at") - F("started_at")).order_by()
    for provider, step, took in done.values_list("run__provider", "step", "took"):
        taken[provider, step].append(took.total_seconds())
    for (provider, step), seconds in sorted(taken.items()):
        StepTotals.objects.get_or_create(provider=provider, step=step)
        total = StepTotals.objects.select_for_update().get(provider=provider, step=step)
        total.counts = total.counts or [0] * (len(BUCKETS) + 1)
        for each in seconds:
            total.counts[bisect_left(BUCKETS, each)] += 1
        total.seconds += sum(seconds)
        total.save()
