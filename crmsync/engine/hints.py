"""The only place that enqueues RQ jobs. A hint says "look at this run now"."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice

import django_rq
import structlog
from redis.exceptions import RedisError
from rq import Queue

from accounts.cache.circuit_breaker import CircuitBreaker
from meetings.models import SyncStep

logger = structlog.get_logger(__name__)

_breaker = CircuitBreaker()

NAME = "crmsync"
CAPACITY = 500  # More hints would only wait; the database remembers what is due.
BATCH = 1000  # RQ holds all jobs of one call in memory.
JOBS = {
    SyncStep.CONTACTS: "crmsync.jobs.sync_contacts",
    SyncStep.MEETING: "crmsync.jobs.sync_meeting",
    SyncStep.NOTES: "crmsync.jobs.sync_notes",
}
Hint = tuple[int, int]  # The run's id and its step.
DELIVER_ALERT = "crmsync.jobs.deliver_alert"
DELIVER_NOTICE = "crmsync.jobs.deliver_notice"
DELIVER_PASSWORD_MAIL = "crmsync.jobs.deliver_password_mail"  # noqa: S105
RUN_SUPPORT_ACTION = "crmsync.jobs.run_support_action"
RENEW_TOKEN = "crmsync.jobs.renew_token"  # noqa: S105
BACKGROUND = {
    DELIVER_ALERT,
    DELIVER_NOTICE,
    DELIVER_PASSWORD_MAIL,
    RUN_SUPPORT_ACTION,
    RENEW_TOKEN,
}
NAMES = {*JOBS.values(), *BACKGROUND}


def send_hint(run_id: int, step: int) -> None:
    """Best effort: if Redis is unavailable, the dispatcher sends it later."""
    try:
        send_hints([(run_id, step)])
    except RedisError:
        logger.warning("hint not sent", run=run_id, step=step, error="Redis is unavailable")


def send_hints(hints: Iterable[Hint]) -> None:
    """Raises RedisError."""
    # Runs that have begun go first.
    _enqueue((JOBS[SyncStep(step)], run_id, step > SyncStep.CONTACTS) for run_id, step in hints)


def enqueue_background_jobs(job: str, pks: Iterable[int]) -> None:
    """At the front of the queue, because the many syncs would delay them. Raises RedisError."""
    _enqueue((job, pk, True) for pk in pks)


def _enqueue(jobs: Iterable[tuple[str, int, bool]]) -> None:
    """Each job as (name, id of its row, whether it goes to the front)."""
    jobs = iter(jobs)
    while batch := list(islice(jobs, BATCH)):
        _enqueue_batch(batch)


def _enqueue_batch(jobs: Iterable[tuple[str, int, bool]]) -> None:
    with guarded_queue() as queue:
        queue.enqueue_many(
            queue.prepare_data(job, (pk,), result_ttl=0, failure_ttl=3600, at_front=is_urgent)
            for job, pk, is_urgent in jobs
        )


def length() -> int:
    """Raises RedisError."""
    with guarded_queue() as queue:
        return len(queue)


def can_write() -> bool:
    """Raises RedisError."""
    with guarded_queue() as queue:
        return bool(queue.connection.set("writable", 1, ex=10))


@contextmanager
def guarded_queue() -> Iterator[Queue]:
    """After a time-out it raises RedisError for a while, instead of waiting again."""
    with _breaker:
        yield _queue()


@cache
def _queue() -> Queue:
    # django-rq opens a new connection on every call.
    return django_rq.get_queue(NAME)
