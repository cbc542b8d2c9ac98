"""An RQ worker for jobs that mostly wait for a CRM: it runs many at once, in threads.

RQ forks for each job to survive one that hangs or crashes. The engine bounds those anyway: each
call to a CRM has a deadline, and the lease of a lost worker expires.
"""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection as database
from django.db import connections as databases
from redis.exceptions import ResponseError
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.timeouts import BaseDeathPenalty
from rq.utils import now

from crmsync import jobs  # noqa: F401 - imported once, and not by the first job
from crmsync.connections import store
from crmsync.errors import DATABASE_UNAVAILABLE

logger = structlog.get_logger(__name__)

HEARTBEAT_INTERVAL = timedelta(seconds=15)
DUPLICATE_SIGNAL_WINDOW = timedelta(
    seconds=1
)  # One Ctrl-C arrives twice: from the terminal, and passed on by the parent.
POOL_SIZE = 8
RETRY_SECONDS = 1


class NoJobTimeout(BaseDeathPenalty):
    """RQ would interrupt a long job with an exception at an arbitrary line."""

    def setup_death_penalty(self) -> None:
        pass

    def cancel_death_penalty(self) -> None:
        pass


class ThreadWorker(SimpleWorker):
    """Runs up to SYNC_THREADS_PER_WORKER jobs at once, each in a thread."""

    death_penalty_class = NoJobTimeout

    def work(self, *args: Any, **kwargs: Any) -> bool:
        use_connection_pool()
        kwargs["logging_level"] = "WARNING"  # RQ logs hints; the engine logs steps with their keys.
        threads = settings.SYNC_THREADS_PER_WORKER
        logger.info("worker started", version=settings.VERSION, threads=threads)
        _check_keys()
        self._running: set[str] = set()
        self._threads = ThreadPoolExecutor(threads)
        self._free = threading.Semaphore(threads)
        return super().work(*args, **kwargs)

    def dequeue_job_and_maintain_ttl(self, *args: Any) -> tuple[Job, Queue] | None:
        """RQ waits for a Redis that is away, but ends where one refuses to write."""
        while True:
            try:
                return self._dequeue(*args)
            except ResponseError as error:
                logger.warning("queue refuses writes", error=str(error), retry_in=RETRY_SECONDS)
                time.sleep(RETRY_SECONDS)

    def _dequeue(self, *args: Any) -> tuple[Job, Queue] | None:
        """Takes a job only when a thread is free: another worker may be idle."""
        while not self._free.acquire(timeout=1):
            self._heartbeat_if_due()
            if self._stop_requested:
                raise StopRequested
        found = None
        try:
            if self._stop_requested:  # While threads were busy; RQ would take one more job.
                raise StopRequested
            found = super().dequeue_job_and_maintain_ttl(*args)
        finally:
            if found is None:
                self._free.release()
        return found

    def _heartbeat_if_due(self) -> None:
        if self.last_heartbeat is None or now() - self.last_heartbeat > HEARTBEAT_INTERVAL:
            self.heartbeat()

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Also reports what the start page of support shows."""
        super().heartbeat(timeout, pipeline)
        threads, busy = settings.SYNC_THREADS_PER_WORKER, len(self._running)
        report: dict[Any, Any] = {"syncsite_version": settings.VERSION}
        report |= {"threads": threads, "busy": busy}
        redis = self.connection if pipeline is None else pipeline
        redis.hset(self.key, mapping=report)

    def execute_job(self, job: Job, queue: Queue) -> None:
        self._running.add(job.id)
        execution = self.prepare_execution(job)
        self._threads.submit(self._perform, job, queue, execution)

    def _perform(self, job: Job, queue: Queue, execution: Execution) -> None:
        try:
            self.perform_job(job, queue, execution)
        except Exception:
            # Redis was lost before RQ could mark the job; the run's row knows what is done.
            logger.warning("job not marked as done", job=job.id, exc_info=True)
        finally:
            database.close()
            self._running.discard(job.id)
            self._free.release()

    def request_force_stop(self, *args: Any) -> None:
        """A second signal ends the process without waiting for the jobs; their leases expire."""
        asked_before = self._shutdown_requested_date
        if asked_before is None or now() - asked_before > DUPLICATE_SIGNAL_WINDOW:
            os._exit(1)

    def teardown(self) -> None:
        self._threads.shutdown()
        super().teardown()


def _check_keys() -> None:
    with suppress(*DATABASE_UNAVAILABLE):
        if not store.has_keys():
            logger.error("none of the CREDENTIALS_KEYS decrypts the stored credentials")


def use_connection_pool() -> None:
    """Threads share a pool, because one that waits for a CRM needs no database connection."""
    default = databases.settings["default"]
    if default["ENGINE"].endswith("postgresql"):
        default["OPTIONS"]["pool"] = {"min_size": 1, "max_size": POOL_SIZE}
        default["CONN_MAX_AGE"] = 0
        database.close()
