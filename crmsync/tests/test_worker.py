"""The worker of the Procfile, which is a process of its own."""

import os
import threading
import time
from pathlib import Path

import django_rq
import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.utils import timezone
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from rq import Callback, SimpleWorker
from rq.exceptions import StopRequested

from accounts.models import User
from crmsync.engine import hints, workers
from crmsync.fields import Sealed
from crmsync.models import Connection, SyncAttempt, SyncRun
from crmsync.operations import syncs
from crmsync.providers.sandbox import CONNECTION
from crmsync.providers.sandbox_faults import SLOW_SECONDS
from crmsync.worker import ThreadWorker, _check_keys
from syncsite.demo.processes import Processes, procfile
from syncsite.tests.processes import database_url, wait_for
from syncsite.tests.settings import ENVIRONMENT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SYNCS = 4


def live_workers():
    return workers.alive(timezone.now())


@pytest.fixture
def worker(tmp_path, transactional_db):
    environment = {
        **ENVIRONMENT,
        "DATABASE_URL": database_url(),
        "PATH": os.environ["PATH"],
        "LOG_LEVEL": "INFO",
        "SYNC_THREADS_PER_WORKER": str(SYNCS),  # So that none is free while all of them sync.
    }
    processes = Processes(settings.BASE_DIR, tmp_path, environment)
    processes.start("worker", procfile(Path(settings.BASE_DIR) / "Procfile")["worker"])
    wait_for(live_workers)
    yield processes.running["worker"]
    processes.stop()


@pytest.fixture
def slow_runs(worker, make_meeting):
    """Of four people, all in their first step at the same time."""
    for number in range(SYNCS):
        owner = User.objects.create(email=f"user-{number}@example.com")
        Connection.objects.create(user=owner, credentials=Sealed.seal({}), **CONNECTION)
        syncs.request_sync(make_meeting("slow@sandbox.invalid", owner=owner), by=None)
    wait_for(lambda: SyncAttempt.objects.filter(finished_at=None).count() == SYNCS)


@pytest.mark.parametrize("fits", [True, False])
def test_says_at_its_start_when_no_key_fits(connection, settings, caplog, fits):
    if not fits:
        settings.CREDENTIALS_KEYS = [Fernet.generate_key().decode()]
    _check_keys()
    assert ("none of the CREDENTIALS_KEYS" in caplog.text) is not fits


def test_waits_for_a_redis_that_refuses_writes(monkeypatch):
    answers = iter([ReadOnlyError("no"), OutOfMemoryError("no"), StopRequested()])

    def dequeue(self, *args):
        raise next(answers)

    monkeypatch.setattr(SimpleWorker, "dequeue_job_and_maintain_ttl", dequeue)
    monkeypatch.setattr("crmsync.worker.RETRY_SECONDS", 0)
    queue = django_rq.get_queue(hints.NAME)
    worker = ThreadWorker([queue], connection=queue.connection)
    worker._free = threading.Semaphore(1)
    with pytest.raises(StopRequested):
        worker.dequeue_job_and_maintain_ttl(1, None)
    assert worker._free.acquire(blocking=False)


def test_reports_how_busy_it_is(slow_runs):
    wait_for(lambda: [(w.threads, w.busy) for w in live_workers()] == [(SYNCS, SYNCS)])
    assert live_workers()[0].version == settings.VERSION


def test_runs_nothing_that_the_project_does_not_enqueue(worker, tmp_path):
    queue = django_rq.get_queue(hints.NAME)
    victim = tmp_path / "created by a stranger"
    job = queue.enqueue("os.system", f"touch '{victim}'")
    wait_for(lambda: job.get_status() == "failed")
    assert not victim.exists()


@pytest.mark.parametrize("kind", ["on_success", "on_failure", "on_stopped"])
def test_calls_nobody_back(kind):
    queue = django_rq.get_queue(hints.NAME)
    job = queue.enqueue("crmsync.jobs.sync_contacts", 0, **{kind: Callback("os.getpid")})
    fetched = queue.job_class.fetch(job.id, queue.connection, queue.serializer)
    callbacks = (fetched.success_callback, fetched.failure_callback, fetched.stopped_callback)
    assert callbacks == (None, None, None)


def test_takes_many_syncs_at_once(slow_runs):
    began = time.monotonic()
    wait_for(lambda: SyncRun.objects.filter(status="succeeded").count() == SYNCS)
    assert time.monotonic() - began < 2 * SLOW_SECONDS


def test_ends_every_step_when_it_is_stopped(slow_runs, worker):
    worker.terminate()
    assert worker.wait(30) == 0
    attempts = SyncAttempt.objects.values_list("step", "outcome")
    assert sorted(attempts) == [(1, "succeeded")] * SYNCS
