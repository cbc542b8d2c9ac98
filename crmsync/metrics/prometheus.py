"""What Prometheus scrapes, read on demand from totals in the database and counters in Redis.

No query counts a growing table, and no label names a person.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from accounts.cache import counters
from crmsync.incidents import incidents
from crmsync.metrics import totals
from crmsync.models import Connection, RunTotals, StepTotals, SyncRun

STEPS = {1: "contacts", 2: "meeting", 3: "notes"}


class SyncCollector(Collector):
    def collect(self) -> Iterable[Metric]:
        now = timezone.now()
        yield InfoMetricFamily("syncsite", "What is running.", {"version": settings.VERSION})
        yield from _ended_runs()
        yield _step_seconds()
        yield from _active_runs(now)
        yield _connections()
        yield _open_incidents()
        yield from _usage()


def _ended_runs() -> Iterator[Metric]:
    runs = CounterMetricFamily(
        "syncsite_runs", "Ended syncs.", labels=["provider", "status", "code", "cause"]
    )
    attempts = CounterMetricFamily(
        "syncsite_run_attempts", "Attempts of ended syncs.", labels=["provider", "status"]
    )
    tries: dict[tuple[str, str], int] = defaultdict(int)
    for total in RunTotals.objects.all():
        kind = [total.provider, total.status, total.error_code, total.error_cause]
        runs.add_metric(kind, total.runs)
        tries[total.provider, total.status] += total.attempts
    for labels, number in tries.items():
        attempts.add_metric(labels, number)
    yield runs
    yield attempts


def _step_seconds() -> Metric:
    family = HistogramMetricFamily(
        "syncsite_step_seconds",
        "Duration of the successful steps of ended syncs.",
        labels=["provider", "step"],
    )
    ends = [*map(str, totals.BUCKETS), "+Inf"]
    for total in StepTotals.objects.all():
        buckets = list(zip(ends, accumulate(total.counts), strict=True))
        family.add_metric([total.provider, STEPS[total.step]], buckets, total.seconds)
    return family


def _active_runs(now: datetime) -> Iterator[Metric]:
    runs = GaugeMetricFamily("syncsite_active_runs", "Active syncs.", labels=["provider", "status"])
    active = SyncRun.objects.active().order_by()
    counted = active.values_list("provider", "status").annotate(Count("pk"))
    for provider, status, number in counted:
        runs.add_metric([provider, status], number)
    yield runs
    working = Q(connection__state=Connection.State.CONNECTED)
    is_due = Q(due_at__lte=now) & working
    figures = active.aggregate(
        due=Count("pk", filter=is_due),
        claimed=Count("pk", filter=Q(status=SyncRun.Status.RUNNING, due_at__gt=now)),
        held=Count("pk", filter=~working),
    )
    texts = {
        "due": "Syncs that are due or waiting for a slot.",
        "claimed": "Syncs that a worker is processing.",
        "held": "Syncs that wait for their connection.",
    }
    for name, text in texts.items():
        yield GaugeMetricFamily(f"syncsite_{name}_runs", text, value=figures[name])
    yield GaugeMetricFamily(
        "syncsite_oldest_due_run_seconds",
        "How long the oldest due sync has been waiting for a worker.",
        value=SyncRun.objects.longest_wait(now),
    )


def _connections() -> Metric:
    family = GaugeMetricFamily(
        "syncsite_connections", "Connections to CRMs.", labels=["provider", "state"]
    )
    counted = Connection.objects.values_list("provider", "state").annotate(Count("pk"))
    for provider, state, number in counted.order_by():
        family.add_metric([provider, state], number)
    return family


def _open_incidents() -> Metric:
    family = GaugeMetricFamily(
        "syncsite_open_incidents", "Open incidents.", labels=["provider", "cause"]
    )
    counted = incidents.open_incidents().filter(part_of=None).values_list("provider", "cause")
    for provider, cause, number in counted.annotate(Count("pk")).order_by():
        family.add_metric([provider, cause], number)
    return family


def _usage() -> Iterator[Metric]:
    counts = counters.read()
    polls = CounterMetricFamily(
        "syncsite_polls", "Answers to polls.", labels=["endpoint", "status"]
    )
    lookups = CounterMetricFamily(
        "syncsite_cache_lookups", "Cache look-ups.", labels=["copy", "result"]
    )
    families = {"poll": polls, "cache": lookups}
    for (kind, *labels), number in sorted(counts.items()):
        families[kind].add_metric(labels, number)
    yield polls
    yield lookups
