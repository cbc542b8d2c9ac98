"""The worker of the Procfile, which is a process of its own."""

import os
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.conf import settings

from accounts.models import User
from crmsync.engine import hints
from crmsync.fields import Sealed
from crmsync.models import Connection, SyncAttempt, SyncRun
from crmsync.operations import syncs
from crmsync.providers.sandbox import CONNECTION, SLOW_SECONDS
from crmsync.worker import _check_keys
from syncsite.demo.processes import Processes, procfile
from syncsite.tests.processes import database_url, wait_for
from syncsite.tests.settings import ENVIRONMENT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SYNCS = 4


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
    wait_for(hints.count_workers)
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


def test_takes_many_syncs_at_once(slow_runs):
    began = time.monotonic()
    wait_for(lambda: SyncRun.objects.filter(status="succeeded").count() == SYNCS)
    assert time.monotonic() - began < 2 * SLOW_SECONDS


def test_ends_every_step_when_it_is_stopped(slow_runs, worker):
    worker.terminate()
    assert worker.wait(30) == 0
    attempts = SyncAttempt.objects.values_list("step", "outcome")
    assert sorted(attempts) == [(1, "succeeded")] * SYNCS
