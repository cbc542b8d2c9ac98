from datetime import timedelta

import pytest
from django.utils import timezone

from crmsync.metrics import recent, totals
from crmsync.models import RecentRuns, RecentSteps
from crmsync.operations import retention, syncs

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def test_say_how_much_was_done_and_how_fast(meeting, connection, settle):
    syncs.request_sync(meeting, by=None)
    settle()
    totals.add_ended()
    start = recent.since(timezone.now(), DAY)
    assert list(recent.ended_runs(start).values()) == [1]
    paces = recent.paces(start)
    assert [(pace.provider, pace.step, pace.done) for pace in paces] == [
        ("sandbox", 1, 1),
        ("sandbox", 2, 1),
        ("sandbox", 3, 1),
    ]
    assert all(0 < pace.median <= pace.p95 < 60 for pace in paces)


def test_begin_with_the_ten_minutes_that_the_window_begins_in():
    now = timezone.now().replace(hour=12, minute=34, second=56)
    assert f"{recent.since(now, timedelta(hours=1)):%H:%M:%S}" == "11:30:00"


@pytest.mark.parametrize(
    ("counts", "part", "seconds"),
    [
        ([4, 0, 0], 0.5, 0.05),
        ([1, 1, 0], 0.5, 0.1),
        ([0, 0, 10], 0.95, 0.4875),
        ([0] * 9 + [3], 0.5, None),
        ([0] * 10, 0.5, None),
    ],
)
def test_estimate_percentiles_within_a_bucket(counts, part, seconds):
    assert recent.percentile(counts, part) == pytest.approx(seconds)


def test_forget_what_is_older_than_a_day():
    long_ago = timezone.now() - 2 * DAY
    RecentRuns.objects.create(since=long_ago, provider="sandbox", status="failed", runs=3)
    RecentSteps.objects.create(since=long_ago, provider="sandbox", step=1, counts=[1])
    retention.remove_expired(timezone.now())
    assert not RecentRuns.objects.filter(since=long_ago).exists()
    assert not RecentSteps.objects.filter(since=long_ago).exists()
