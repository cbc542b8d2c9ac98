from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from crmsync.status.moments import changes_at, tell, tell_since

NOW = datetime(2026, 9, 1, 22, 31, 33, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "in a moment"),
        (40, "in less than a minute"),
        (60, "in about a minute"),
        (116, "in about 2 minutes"),
        (580, "in about 10 minutes"),
        (1800, "in about 30 minutes"),
        (3500, "in about an hour"),
        (9000, "in about 2 hours"),
        (86_400, "in about 24 hours"),
        (400_000, "in a few days"),
    ],
)
def test_are_told_in_coarse_steps(seconds, words):
    assert tell(NOW + timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("time_zone", "words"),
    [
        ("UTC", "at 00:01 on September 2"),
        ("Europe/Berlin", "at 02:01"),
        ("America/New_York", "at 20:01"),
    ],
)
def test_are_told_as_the_time_there(time_zone, words):
    assert tell(NOW + timedelta(minutes=90), NOW, time_zone) == words


def test_are_told_in_the_language_of_the_reader():
    with translation.override("de"):
        assert tell(NOW + timedelta(minutes=2), NOW) == "in etwa 2 Minuten"
        assert tell(NOW + timedelta(minutes=90), NOW, "UTC") == "am 2. September um 00:01 Uhr"
        assert tell_since(NOW - timedelta(minutes=20), NOW) == "seit etwa 20 Minuten"


def test_that_have_passed_are_told_as_since_when():
    assert tell_since(NOW - timedelta(minutes=20), NOW) == "for about 20 minutes"
    assert tell_since(NOW - timedelta(minutes=20), NOW, "Europe/Berlin") == "since 00:11"


@pytest.mark.parametrize("time_zone", ["", "UTC", "Australia/Lord_Howe", "America/Sao_Paulo"])
@pytest.mark.parametrize("seconds", [3, 44, 130, 3000, 7000, 80_000, 170_000, -3, -130, -80_000])
def test_read_the_same_until_they_change(seconds, time_zone):
    at = NOW + timedelta(seconds=seconds)
    words = tell if seconds > 0 else tell_since
    until = changes_at(at, NOW, time_zone) or NOW + timedelta(days=400)
    assert until > NOW
    before = until - timedelta(milliseconds=1)
    assert words(at, before, time_zone) == words(at, NOW, time_zone)
    if until < at or seconds < 0:
        last = until + timedelta(milliseconds=1)
        assert words(at, last, time_zone) != words(at, NOW, time_zone) or until > NOW + timedelta(
            days=100
        )
