"""The support desk's start page: the situation now, and the last day."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Case, Count, When
from django.db.models.functions import TruncHour
from redis.exceptions import RedisError

from crmsync.engine import heartbeat, hints, workers
from crmsync.incidents import incidents
from crmsync.models import Connection, Incident, SyncRun
from crmsync.status.error_messages import error_texts
from crmsync.status.sql import active_runs_with_state
from crmsync.support import chart
from crmsync.support.incident_messages import describe_incident

Status = SyncRun.Status
HOURS = 24
MAX_SHOWN = 10
MAX_HEALTHY_WAIT = SyncRun.UNATTENDED_AFTER.total_seconds()
ACTIVE_STATES = ("queued", "waiting", "syncing", "removing", "retrying", "paused")


class Ended(NamedTuple):
    """Syncs that ended alike within one hour."""

    hour: datetime
    status: str
    cause: str
    syncs: int


def read(now: datetime) -> dict[str, Any]:
    day = _last_day(now)
    return {
        "now": now,
        "active": _active(now),
        "ended": _ended(day),
        "failures": _failures(day),
        "chart": chart.build(_hours(day, now)),
        "oldest": _oldest_waiting(now),
        "reconnect": _to_reconnect(),
        "incidents": _incidents(),
        "parts": _parts(now),
        "workers": _workers(now),
    }


def _active(now: datetime) -> dict[str, int]:
    counted = active_runs_with_state(now).order_by().values_list("state").annotate(Count("pk"))
    return dict.fromkeys(ACTIVE_STATES, 0) | dict(counted)


def _last_day(now: datetime) -> list[Ended]:
    """One query, because it reads all runs that ended since."""
    ended = SyncRun.objects.filter(finished_at__gt=now - timedelta(hours=HOURS)).order_by()
    cause = Case(When(error_cause="", then="error_code"), default="error_cause")
    kinds = ended.annotate(hour=TruncHour("finished_at"), cause=cause).values_list(
        "hour", "status", "cause"
    )
    return [Ended(*row) for row in kinds.annotate(Count("pk"))]


def _ended(day: list[Ended]) -> dict[str, int]:
    ended = {"synced": Status.SUCCEEDED, "failed": Status.FAILED, "canceled": Status.CANCELED}
    return {
        name: sum(each.syncs for each in day if each.status == status)
        for name, status in ended.items()
    }


def _failures(day: list[Ended]) -> list[dict[str, Any]]:
    counts: Counter[str] = Counter()
    for each in day:
        if each.status == Status.FAILED:
            counts[each.cause] += each.syncs
    return [
        {"cause": code, "count": count, "title": error_texts(code)["title"]}
        for code, count in counts.most_common()
    ]


def _hours(day: list[Ended], now: datetime) -> list[chart.Hour]:
    counts: Counter[tuple[datetime, str]] = Counter()
    for each in day:
        counts[each.hour, each.status] += each.syncs
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    return [
        chart.Hour(at, counts[at, Status.SUCCEEDED], counts[at, Status.FAILED])
        for at in (first + timedelta(hours=number) for number in range(HOURS))
    ]


def _oldest_waiting(now: datetime) -> SyncRun | None:
    """The oldest run that waits for nothing but us."""
    waiting = SyncRun.objects.active().startable(now).filter(status=Status.QUEUED)
    return waiting.select_related("meeting__user").order_by("due_at").first()


def _to_reconnect() -> dict[str, Any]:
    held = Connection.objects.filter(state=Connection.State.NEEDS_REAUTH)
    return {"count": held.count(), "some": held.select_related("user").order_by("-pk")[:MAX_SHOWN]}


def _incidents() -> list[dict[str, Any]]:
    found: Iterable[Incident] = incidents.open_incidents().filter(part_of=None)[:MAX_SHOWN]
    return [{"incident": incident, **describe_incident(incident)} for incident in found]


def _workers(now: datetime) -> list[workers.LiveWorker]:
    try:
        return sorted(workers.alive(now))
    except RedisError:
        return []


def _parts(now: datetime) -> list[dict[str, Any]]:
    """The health of workers, dispatcher and queue, with a figure for each."""
    wait = SyncRun.objects.longest_wait(now)
    try:
        alive, figure = len(workers.alive(now)), f"{hints.length()} hints wait"
    except RedisError:
        alive, figure = 0, "Redis does not answer"
    dispatches = heartbeat.is_alive()
    return [
        {"name": "Workers", "is_healthy": alive > 0, "figure": str(alive)},
        {
            "name": "Dispatcher",
            "is_healthy": dispatches,
            "figure": "alive" if dispatches else "none",
        },
        {"name": "Queue", "is_healthy": "hints" in figure, "figure": figure},
        {"name": "Longest wait", "is_healthy": wait < MAX_HEALTHY_WAIT, "figure": f"{wait:.0f} s"},
    ]
