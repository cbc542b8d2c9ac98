"""The only place that sends to RQ. A hint says "look at this run now"; none is needed twice."""

import logging
from collections.abc import Iterable
from functools import cache
from itertools import islice

import django_rq
from redis.exceptions import RedisError
from rq import Queue, Worker

from accounts.cache.circuit_breaker import CircuitBreaker
from meetings.models import SyncStep

logger = logging.getLogger(__name__)

_breaker = CircuitBreaker()

NAME = "crmsync"
CAPACITY = 500  # Beyond it more hints only wait; the database remembers what is due.
BATCH = 1000  # RQ holds in memory what it is given in one call.
JOBS = {
    SyncStep.CONTACTS: "crmsync.jobs.sync_contacts",
    SyncStep.MEETING: "crmsync.jobs.sync_meeting",
    SyncStep.NOTES: "crmsync.jobs.sync_notes",
}
Hint = tuple[int, int]  # The run's id and the step it is at.
DELIVER_ALERT = "crmsync.jobs.deliver_alert"
RUN_SUPPORT_ACTION = "crmsync.jobs.run_support_action"


def send_hint(run_id: int, step: int) -> None:
    """Best effort: without Redis the dispatcher sends it later."""
    try:
        send_hints([(run_id, step)])
    except RedisError:
        logger.warning("No hint sent for run %s: Redis is away.", run_id)


def send_hints(hints: Iterable[Hint]) -> None:
    """Raises RedisError."""
    # What has begun is finished first.
    _enqueue((JOBS[SyncStep(step)], run_id, step > SyncStep.CONTACTS) for run_id, step in hints)


def enqueue_background_jobs(job: str, pks: Iterable[int]) -> None:
    """Work beside the syncs, which are many and would keep it waiting. Raises RedisError."""
    _enqueue((job, pk, True) for pk in pks)


def _enqueue(jobs: Iterable[tuple[str, int, bool]]) -> None:
    """Of each its name, the id of its row, and whether it goes to the front."""
    jobs = iter(jobs)
    while batch := list(islice(jobs, BATCH)):
        _enqueue_batch(batch)


def _enqueue_batch(jobs: Iterable[tuple[str, int, bool]]) -> None:
    with _breaker:
        queue = _queue()
        queue.enqueue_many(
            queue.prepare_data(job, (pk,), result_ttl=0, failure_ttl=3600, at_front=is_urgent)
            for job, pk, is_urgent in jobs
        )


def length() -> int:
    """Raises RedisError."""
    with _breaker:
        queue = _queue()
        return len(queue)


def ping() -> bool:
    """Raises RedisError."""
    with _breaker:
        queue = _queue()
        return bool(queue.connection.ping())


def count_workers() -> int:
    """Those that gave a sign of life within their time. Raises RedisError."""
    # Not RQ's register, which keeps the killed and, once Redis was emptied, misses the living.
    keys = f"{Worker.redis_worker_namespace_prefix}*"
    with _breaker:
        queue = _queue()
        found = queue.connection.scan_iter(match=keys, count=1000)
        return sum(not key.endswith(b":executions") for key in found)


@cache
def _queue() -> Queue:
    # django-rq opens a new connection at every call.
    return django_rq.get_queue(NAME)
