from datetime import UTC, datetime, timedelta

from crmsync.support import chart

START = datetime(2026, 9, 1, 0, tzinfo=UTC)


def hours(*counts):
    return [chart.Hour(START + timedelta(hours=n), *pair) for n, pair in enumerate(counts)]


def test_says_in_words_what_it_shows():
    assert (
        chart.build(hours((3, 1), (2, 0)))["text"]
        == "5 syncs succeeded and 1 failed since 00:00 UTC."
    )


def test_stacks_failures_on_successes_within_its_height():
    (bar,) = chart.build(hours((3, 1)))["bars"]
    assert bar["succeeded"]["y"] + bar["succeeded"]["height"] == chart.BASE
    assert bar["failed"]["y"] + bar["failed"]["height"] == bar["succeeded"]["y"]
    assert bar["failed"]["y"] >= 0


def test_draws_nothing_where_nothing_happened():
    (bar,) = chart.build(hours((0, 0)))["bars"]
    assert (bar["succeeded"]["height"], bar["failed"]["height"]) == (0, 0)
