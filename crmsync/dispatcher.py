"""The loop that keeps syncs moving: it hands out what is due. Any number may run at once.

If no dispatcher is running, workers check for incidents, so that a dead dispatcher is reported.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.cache import generation
from crmsync.connections import store
from crmsync.engine import breaker, heartbeat, hints, outcomes, scheduling
from crmsync.incidents import alerts, incidents, notices
from crmsync.metrics import totals
from crmsync.operations import passwords, retention, support_actions
from crmsync.support.alert_delivery import deliver

logger = structlog.get_logger(__name__)

SHORT_QUEUE = 20
PERIOD_SECONDS = 5
CLEANING_SECONDS = 3600
_last_run = SimpleNamespace(at=0.0, cleaned_at=0.0)


class Swept(NamedTuple):
    """What one sweep did."""

    hints: int
    jobs: int  # Other than syncs.
    lost: int  # Tries whose lease had expired.


def sweep() -> Swept:
    """One sweep. Raises RedisError and DatabaseError."""
    now = timezone.now()
    lost = outcomes.reap_expired(now)
    if lost:
        logger.warning("expired leases reaped", attempts=lost)
    waiting = hints.length()
    room = max(0, hints.CAPACITY - waiting)
    due = scheduling.select_due_hints(now, room, busy=waiting > SHORT_QUEUE) if room else []
    due += breaker.select_probes(now)
    if due:
        hints.send_hints(due)
    jobs = send_background_hints(now)
    heartbeat.beat(now)
    breaker.announce_pending()
    generation.renew()  # Or copies would end while nobody polls.
    return Swept(len(due), jobs, lost)


def run(interval: float, stop: threading.Event) -> None:
    """Sweeps every `interval` seconds until `stop` is set, whatever is down."""
    logger.info("dispatcher started", version=settings.VERSION)
    while not stop.is_set():
        for task in (sweep, run_periodic_tasks):  # If one fails, the other still runs.
            _run_safely(task, interval)
        close_old_connections()
        stop.wait(interval)


def _run_safely(task: Callable[[], object], interval: float) -> None:
    try:
        task()
    except (RedisError, DatabaseError) as error:
        logger.warning("sweep failed", task=task.__name__, retry_in=interval, error=str(error))
    except Exception:  # Whatever it is, the next sweep must happen.
        logger.exception("sweep failed", task=task.__name__, retry_in=interval)


def run_periodic_tasks() -> None:
    """Runs at most once every PERIOD_SECONDS. Raises RedisError and DatabaseError."""
    if time.monotonic() < _last_run.at + PERIOD_SECONDS:
        return
    _last_run.at = time.monotonic()
    now = timezone.now()
    outcomes.end_long_outages(now)
    breaker.close_unused(now)
    while totals.add_ended() == totals.BATCH:
        pass
    incidents.review(now)
    deliver_overdue_alerts(now)
    if time.monotonic() > _last_run.cleaned_at + CLEANING_SECONDS:
        _last_run.cleaned_at = time.monotonic()
        retention.remove_expired(now)


def send_background_hints(now: datetime) -> int:
    """Hints for the other jobs of workers; returns how many. Raises RedisError."""
    sent = 0
    for job, pks in (
        (hints.DELIVER_ALERT, alerts.select_due(now)),
        (hints.DELIVER_NOTICE, notices.select_due(now)),
        (hints.DELIVER_PASSWORD_MAIL, passwords.select_due(now)),
        (hints.RUN_SUPPORT_ACTION, support_actions.select_due(now)),
        (hints.RENEW_TOKEN, store.select_due_renewals(now)),
    ):
        if pks:
            hints.enqueue_background_jobs(job, pks)
            sent += len(pks)
    return sent


def deliver_overdue_alerts(now: datetime) -> None:
    """Without a worker, nobody else can report that there is none."""
    for alert_id in alerts.overdue(now):
        deliver(alert_id)
