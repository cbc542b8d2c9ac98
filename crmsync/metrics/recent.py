"""How much was done lately and how fast, from the totals of ten minutes each."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import QuerySet, Sum

from crmsync.metrics.totals import BUCKETS, slot_of
from crmsync.models import RecentRuns, RecentSteps


class Pace(NamedTuple):
    """Of the successful steps of one kind. Percentiles in seconds; None beyond the last bucket."""

    provider: str
    step: int
    done: int
    median: float | None
    p95: float | None


def since(now: datetime, window: timedelta) -> datetime:
    """The start of the window: that of the slot in which it begins."""
    return slot_of(now - window)


def ended_runs(start: datetime) -> dict[tuple[datetime, str], int]:
    """By the hour and the status."""
    counts: Counter[tuple[datetime, str]] = Counter()
    of_each = RecentRuns.objects.filter(since__gte=start).values_list("since", "status")
    for at, status, runs in of_each.annotate(Sum("runs")):
        counts[at.replace(minute=0), status] += runs
    return counts


def paces(start: datetime) -> list[Pace]:
    steps: QuerySet[RecentSteps] = RecentSteps.objects.filter(since__gte=start)
    found: dict[tuple[str, int], list[int]] = {}
    for total in steps.order_by("provider", "step"):
        known = found.setdefault((total.provider, total.step), [0] * len(total.counts))
        found[total.provider, total.step] = list(map(sum, zip(known, total.counts, strict=True)))
    return [
        Pace(*kind, sum(counts), percentile(counts, 0.5), percentile(counts, 0.95))
        for kind, counts in found.items()
    ]


def percentile(counts: Sequence[int], part: float) -> float | None:
    """Within a bucket, as if its values were spread evenly."""
    wanted, below, lower = part * sum(counts), 0, 0.0
    for count, upper in zip(counts, BUCKETS, strict=False):
        if count and below + count >= wanted:
            return lower + (upper - lower) * (wanted - below) / count
        below, lower = below + count, upper
    return None
