"""What Prometheus scrapes, read from the database: no counters to lose or to merge."""

from collections.abc import Iterable

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from crmsync.models import SyncRun


class SyncCollector(Collector):
    def collect(self) -> Iterable[GaugeMetricFamily]:
        now = timezone.now()
        active = SyncRun.objects.active()
        runs = GaugeMetricFamily("syncsite_active_runs", "Active sync runs.", labels=["status"])
        counts = dict(active.values_list("status").annotate(Count("pk")).order_by())
        for status in SyncRun.ACTIVE:
            runs.add_metric([status], counts.get(status, 0))
        yield runs
        # Only what may start: one person who never reconnects must not raise an alarm for ever.
        startable = active.startable(now).filter(due_at__lte=now)
        oldest = startable.aggregate(at=Min("due_at"))["at"] or now
        overdue = (now - oldest).total_seconds()
        yield GaugeMetricFamily(
            "syncsite_oldest_due_run_seconds", "How long the oldest due run waits.", value=overdue
        )
