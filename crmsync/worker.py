"""The RQ worker that syncs are made for: jobs wait for a CRM, so a process takes many at once.

What a fork for every job would guard against, a job that never ends or that takes the process with
it, the engine bounds anyway: each call to a CRM has a deadline, and a lost worker's lease ends.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection as database
from django.db import connections as databases
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.timeouts import BaseDeathPenalty
from rq.utils import now

from crmsync import jobs  # noqa: F401 - imported once, and not by the first job

logger = structlog.get_logger(__name__)

HEARTBEAT_INTERVAL = timedelta(seconds=15)
DUPLICATE_SIGNAL_WINDOW = timedelta(
    seconds=1
)  # Ctrl-C reaches all of a group, then its leader passes it on.
POOL_SIZE = 8


class NoJobTimeout(BaseDeathPenalty):
    """RQ would interrupt a job that takes too long by an exception in the middle of anything."""

    def setup_death_penalty(self) -> None:
        pass

    def cancel_death_penalty(self) -> None:
        pass


class ThreadWorker(SimpleWorker):
    """Performs up to SYNC_THREADS_PER_WORKER jobs at once, each in a thread."""

    death_penalty_class = NoJobTimeout

    def work(self, *args: Any, **kwargs: Any) -> bool:
        use_connection_pool()
        kwargs["logging_level"] = "WARNING"  # Lines about hints; jobs.py says more, and of whom.
        threads = settings.SYNC_THREADS_PER_WORKER
        logger.info("worker started", version=settings.VERSION, threads=threads)
        self._threads = ThreadPoolExecutor(threads)
        self._free = threading.Semaphore(threads)
        return super().work(*args, **kwargs)

    def dequeue_job_and_maintain_ttl(self, *args: Any) -> tuple[Job, Queue] | None:
        """Takes no job that would have to wait here while another worker is free."""
        while not self._free.acquire(timeout=1):
            self._note_life()
            if self._stop_requested:
                raise StopRequested
        found = None
        try:
            if self._stop_requested:  # Asked while threads were busy; RQ would take one job more.
                raise StopRequested
            found = super().dequeue_job_and_maintain_ttl(*args)
        finally:
            if found is None:
                self._free.release()
        return found

    def _note_life(self) -> None:
        if self.last_heartbeat is None or now() - self.last_heartbeat > HEARTBEAT_INTERVAL:
            self.heartbeat()

    def execute_job(self, job: Job, queue: Queue) -> None:
        execution = self.prepare_execution(job)
        self._threads.submit(self._perform, job, queue, execution)

    def _perform(self, job: Job, queue: Queue, execution: Execution) -> None:
        try:
            self.perform_job(job, queue, execution)
        except Exception:
            # Redis went away with what RQ wanted to note; the run's row knows what is done.
            logger.warning("job not marked as done", job=job.id, exc_info=True)
        finally:
            database.close()
            self._free.release()

    def request_force_stop(self, *args: Any) -> None:
        """Who asks twice does not want to wait for the jobs; their leases end."""
        asked_before = self._shutdown_requested_date
        if asked_before is None or now() - asked_before > DUPLICATE_SIGNAL_WINDOW:
            os._exit(1)

    def teardown(self) -> None:
        self._threads.shutdown()
        super().teardown()


def use_connection_pool() -> None:
    """A thread that waits for a CRM needs none; tokens.py says when it lends its own."""
    default = databases.settings["default"]
    if default["ENGINE"].endswith("postgresql"):
        default["OPTIONS"]["pool"] = {"min_size": 1, "max_size": POOL_SIZE}
        default["CONN_MAX_AGE"] = 0
        database.close()
