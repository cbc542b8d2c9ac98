import pytest
from django_redis import get_redis_connection

from accounts.cache import counters

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _not_yet_time(monkeypatch):
    monkeypatch.setattr(counters._last, "at", float("inf"))


def test_costs_no_round_trip_at_first(unreachable_redis):
    counters.count("poll", "sync", "200")


def test_is_added_up_in_redis():
    for _ in range(3):
        counters.count("poll", "sync", "200")
    counters.flush()
    counters.count("poll", "sync", "200")
    assert counters.read() == {("poll", "sync", "200"): 3}
    counters.flush()
    assert counters.read() == {("poll", "sync", "200"): 4}


def test_is_added_up_now_and_then(monkeypatch):
    monkeypatch.setattr(counters._last, "at", -counters.EVERY)
    counters.count("poll", "sync", "304")
    assert get_redis_connection("default").hgetall(counters.KEY) == {b"poll|sync|304": b"1"}


def test_may_be_lost_with_redis(unreachable_redis):
    counters.count("poll", "sync", "200")
    counters.flush()
    assert counters.read() == {}
