"""Says when something happens, in the reader's terms. Pure.

With a time zone it is the time there, else a distance in coarse steps: a clock time of the server
means nothing to a reader elsewhere. changes_at() says until when the words stay the same.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

MINUTE, HOUR = 60, 3600  # Seconds.
MAX_HOURS = 48


class Distance(NamedTuple):
    """`limit`: in seconds, the greatest distance that is called so. `{count}` counts."""

    limit: float
    ahead: str
    passed: str
    number: int = 1


def _distances() -> Iterator[Distance]:
    yield Distance(15, gettext_noop("in a moment"), gettext_noop("for a few seconds"))
    yield Distance(45, gettext_noop("in less than a minute"), gettext_noop("for a minute"))
    yield Distance(1.5 * MINUTE, gettext_noop("in about a minute"), gettext_noop("for a minute"))
    for number in [*range(2, 10), *range(10, 60, 5)]:
        half = 0.5 if number < 10 else 2.5
        ahead = gettext_noop("in about {count} minutes")
        passed = gettext_noop("for about {count} minutes")
        yield Distance((number + half) * MINUTE, ahead, passed, number)
    yield Distance(1.5 * HOUR, gettext_noop("in about an hour"), gettext_noop("for about an hour"))
    for number in range(2, MAX_HOURS):
        ahead = gettext_noop("in about {count} hours")
        passed = gettext_noop("for about {count} hours")
        yield Distance((number + 0.5) * HOUR, ahead, passed, number)
    yield Distance(float("inf"), gettext_noop("in a few days"), gettext_noop("for some days"))


DISTANCES = list(_distances())


def tell(at: datetime, now: datetime, time_zone: str = "") -> str:
    """A moment to come: "at 16:32", "at 09:00 on September 2" or "in about 2 minutes"."""
    if time_zone:
        return _clock_time(at, now, time_zone, _("at {time}"), _("at {time} on {day}"))
    distance = _distance((at - now).total_seconds())
    return _(distance.ahead).format(count=distance.number)


def tell_since(at: datetime, now: datetime, time_zone: str = "") -> str:
    """Since when: "since 14:02", "since 14:02 on September 1" or "for about 20 minutes"."""
    if time_zone:
        return _clock_time(at, now, time_zone, _("since {time}"), _("since {time} on {day}"))
    distance = _distance((now - at).total_seconds())
    return _(distance.passed).format(count=distance.number)


def changes_at(at: datetime, now: datetime, time_zone: str = "") -> datetime | None:
    """When tell() or tell_since() of the same moment says something else; None: not any more."""
    if time_zone:
        return _midnight_between(at, now, ZoneInfo(time_zone))
    seconds = (at - now).total_seconds()
    if seconds < 0:
        limit = _distance(-seconds).limit
        return None if limit == float("inf") else at + timedelta(seconds=limit + 0.001)
    nearer = [distance.limit for distance in DISTANCES if distance.limit < seconds]
    return at - timedelta(seconds=nearer[-1]) if nearer else at


def _distance(seconds: float) -> Distance:
    return next(distance for distance in DISTANCES if seconds <= distance.limit)


def _clock_time(at: datetime, now: datetime, time_zone: str, today: str, other_day: str) -> str:
    zone = ZoneInfo(time_zone)
    there = at.astimezone(zone)
    words = {"time": f"{there:%H:%M}", "day": date_format(there, "MONTH_DAY_FORMAT")}
    text = today if there.date() == now.astimezone(zone).date() else other_day
    return text.format_map(words)


def _midnight_between(at: datetime, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The start of the day of `at`, or the end of it: then the day is named no more, or again."""
    midnight = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    following = (midnight + timedelta(days=1, hours=2)).replace(hour=0)
    return next((moment for moment in (midnight, following) if moment > now), None)
