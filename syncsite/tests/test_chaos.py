"""A short run of benchmarks/chaos.py, on the database of the test run."""

import tempfile
from pathlib import Path

import pytest

from benchmarks.lab.stack import Stack
from benchmarks.lab.trial import Trial
from benchmarks.procfs import PROC
from syncsite.tests.processes import database_url
from syncsite.tests.settings import ENVIRONMENT

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.skipif(not PROC.exists(), reason="finds the workers' processes in /proc"),
]

PROCESSES = {"web": 1, "worker": 2, "dispatcher": 1}
PLAN = {"kill": 4, "restart workers": 1, "kill redis": 1, "empty redis": 1, "fill redis": 1}


def test_loses_nothing_sticks_nowhere_and_writes_nothing_twice():
    trial = Trial(seed=1, users=4, syncs=24, plan=PLAN)
    environment = {
        name: ENVIRONMENT[name] for name in ("SECRET_KEY", "CREDENTIALS_KEYS", "LOG_LEVEL")
    }
    environment["DATABASE_URL"] = database_url()
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), environment, PROCESSES) as stack,
    ):
        verdict, seen = trial.run(stack)
    assert verdict.is_faultless, (verdict, seen.backward, seen.server_errors)
    assert verdict.synced > 0
