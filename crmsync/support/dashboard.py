"""The support desk's start page: the situation now, and the last day."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, F, Q, QuerySet, When
from redis.exceptions import RedisError

from crmsync.engine import heartbeat, hints, workers
from crmsync.incidents import incidents
from crmsync.incidents.routes import route_of, severity_of
from crmsync.metrics import recent
from crmsync.models import Connection, Incident, SupportAction, SyncRun
from crmsync.status.error_messages import crm_name
from crmsync.status.sql import active_runs_with_state
from crmsync.support import audit, chart
from crmsync.support.incident_messages import ALERTED, describe_incident, staff_texts
from meetings.models import SyncStep

Status = SyncRun.Status
HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
MAX_SHOWN = 10
MAX_STILL_FAILED = 1_000
MAX_COUNTED = 10_000  # Failures of a day, of which only the latest are counted.
NO_REDIS = "Redis does not answer"
MAX_HEALTHY_WAIT = SyncRun.UNATTENDED_AFTER.total_seconds()
ACTIVE_STATES = ("queued", "waiting", "syncing", "removing", "retrying", "paused")
CHARTED = (Status.SUCCEEDED, Status.FAILED)
Ended = dict[tuple[datetime, str], int]  # How many, by the hour and the status.


def read(now: datetime) -> dict[str, Any]:
    day = recent.since(now, DAY)
    ended = recent.ended_runs(day)
    alive = _workers(now)
    return {
        "now": now,
        "since": day,
        "active": _active(now),
        "synced": _count(ended, Status.SUCCEEDED),
        "canceled": _count(ended, Status.CANCELED),
        "failures": _failures(day),
        "chart": chart.build(_hours(ended, day, now)),
        "paces": _paces(now),
        "oldest": _oldest_waiting(now),
        "still_failed": _still_failed(),
        "held": [_held(Connection.State.NEEDS_REAUTH), _held(Connection.State.PAUSED)],
        "incidents": _incidents(now),
        "resolved": _resolved(day),
        "actions": _actions(day),
        "parts": _parts(now, alive),
        "workers": alive,
    }


def _active(now: datetime) -> dict[str, int]:
    counted = active_runs_with_state(now).order_by().values_list("state").annotate(Count("pk"))
    return dict.fromkeys(ACTIVE_STATES, 0) | dict(counted)


def _count(ended: Ended, status: str) -> int:
    return sum(count for (_, found), count in ended.items() if found == status)


def _failures(since: datetime) -> dict[str, Any]:
    """Of the very runs that the list shows for the same moment."""
    failed = SyncRun.objects.filter(status=Status.FAILED, finished_at__gte=since)
    latest = failed.order_by("-finished_at").values("pk")[: MAX_COUNTED + 1]
    cause = Case(When(error_cause="", then="error_code"), default="error_cause")
    kinds = SyncRun.objects.filter(pk__in=latest).order_by().values_list(cause)
    counted = kinds.annotate(count=Count("pk")).order_by(F("count").desc())
    rows = [
        {"cause": code, "count": count, "title": staff_texts(code)["title"]}
        for code, count in counted
    ]
    total = sum(row["count"] for row in rows)
    return {"rows": rows, "count": min(total, MAX_COUNTED), "has_more": total > MAX_COUNTED}


def _still_failed() -> dict[str, Any]:
    """Meetings whose state is `failed`, among those of the latest MAX_STILL_FAILED failures."""
    failed = SyncRun.objects.filter(status=Status.FAILED).order_by("-pk")
    pks = list(failed.values_list("pk", flat=True)[:MAX_STILL_FAILED])
    of_account = Q(account_number__gte=F("connection__account_number"))
    still = SyncRun.objects.latest_of_each().filter(of_account, pk__in=pks)
    return {"count": still.count(), "has_more": len(pks) == MAX_STILL_FAILED}


def _hours(ended: Ended, since: datetime, now: datetime) -> list[chart.Hour]:
    """The first one begins where the day does."""
    first = since.replace(minute=0)
    hours = [first + n * HOUR for n in range((now - first) // HOUR + 1)]
    return [
        chart.Hour(max(at, since), *(ended.get((at, status), 0) for status in CHARTED))
        for at in hours
    ]


def _paces(now: datetime) -> list[dict[str, Any]]:
    """Of each provider's steps, in the last hour and in the last day."""
    windows = {"hour": HOUR, "day": DAY}
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for name, window in windows.items():
        for pace in recent.paces(recent.since(now, window)):
            row = found.setdefault((pace.provider, pace.step), {})
            row[name] = pace
    return [
        {"crm": crm_name(provider), "step": SyncStep(step).label, **found[provider, step]}
        for provider, step in sorted(found)
    ]


def _oldest_waiting(now: datetime) -> SyncRun | None:
    """The oldest run that waits for nothing but us."""
    waiting = SyncRun.objects.active().startable(now).filter(status=Status.QUEUED)
    return waiting.select_related("meeting__user").order_by("due_at").first()


def _held(state: Connection.State) -> dict[str, Any]:
    """Connections whose syncs wait for their owner, or for support."""
    held = Connection.objects.filter(state=state)
    some = held.select_related("user").order_by("-pk")[:MAX_SHOWN]
    return {"state": state, "count": held.count(), "some": some}


def _incidents(now: datetime) -> dict[str, Any]:
    """The open ones; those of many customers first."""
    whole = incidents.open_incidents().filter(part_of=None).select_related("connection__user")
    shown = list(whole.order_by(F("connection").asc(nulls_first=True), "-pk")[:MAX_SHOWN])
    snoozes = audit.snoozes_of(shown)
    rows = [
        {
            "incident": incident,
            "severity": severity_of(incident),
            "alerted": ALERTED[route_of(incident)],
            "snooze": snoozes.get(incident.pk),
            "is_snoozed": incident.snoozed_until is not None and incident.snoozed_until > now,
            **describe_incident(incident),
        }
        for incident in shown
    ]
    return {"rows": rows, "count": whole.count()}


def _resolved(since: datetime) -> list[dict[str, Any]]:
    over = Incident.objects.filter(resolved_at__gte=since, part_of=None)
    latest = over.select_related("connection__user").order_by("-resolved_at")[:MAX_SHOWN]
    return [{"incident": incident, **describe_incident(incident)} for incident in latest]


def _actions(since: datetime) -> QuerySet[SupportAction]:
    """What is under way comes first. Log-ins would leave no place for what was done."""
    done = SupportAction.objects.filter(created_at__gte=since).exclude(
        kind=SupportAction.Kind.LOG_IN
    )
    unfinished_first = F("finished_at").desc(nulls_first=True)
    return done.defer("targets").order_by(unfinished_first, "-pk")[:MAX_SHOWN]


def _workers(now: datetime) -> list[workers.LiveWorker] | None:
    """None if nobody knows."""
    try:
        return sorted(workers.alive(now))
    except RedisError:
        return None


def _parts(now: datetime, alive: list[workers.LiveWorker] | None) -> list[dict[str, Any]]:
    """The health of workers, dispatcher and queue, with a figure for each."""
    wait = SyncRun.objects.longest_wait(now)
    dispatches = heartbeat.is_alive()
    queue = _queue_length()
    rows = [
        ("Workers", bool(alive), "unknown" if alive is None else str(len(alive))),
        ("Dispatcher", dispatches, "running" if dispatches else "not running"),
        ("Jobs in the queue", queue is not None, NO_REDIS if queue is None else str(queue)),
        ("Longest wait for a worker", wait < MAX_HEALTHY_WAIT, f"{wait:.0f} s"),
    ]
    return [{"name": name, "is_healthy": healthy, "figure": text} for name, healthy, text in rows]


def _queue_length() -> int | None:
    try:
        return hints.length()
    except RedisError:
        return None
