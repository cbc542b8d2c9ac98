"""The production processes, started as the Procfile says, on the database of the test run."""

import os
import signal
from functools import partial
from itertools import groupby
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.db import connection as database

from accounts.tokens import AccessToken
from conftest import in_threads
from crmsync.models import SandboxRecord, SyncAttempt
from syncsite.demo.processes import Processes, procfile
from syncsite.tests.processes import database_url, free_port, wait_for
from syncsite.tests.settings import ENVIRONMENT

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("procfile"),  # Which share a web process.
    pytest.mark.slow,
]

PROC = Path("/proc")
LEASE_SECONDS = 4  # Longer than the sandbox takes to answer, short enough to wait for its end.


@pytest.fixture
def processes(tmp_path, transactional_db):
    running = make_processes(tmp_path)
    yield running
    running.stop()


def make_processes(logs):
    environment = {
        **ENVIRONMENT,
        "DATABASE_URL": database_url(),
        "SYNC_RETRY_DELAYS": "0.5,0.5",
        "SYNC_LEASE_SECONDS": str(LEASE_SECONDS),
        "PATH": os.environ["PATH"],
        "LOG_LEVEL": "INFO",
    }
    return Processes(settings.BASE_DIR, logs, environment)


@pytest.fixture(scope="module")
def commands():
    return procfile(Path(settings.BASE_DIR) / "Procfile")


@pytest.fixture(scope="module")
def url(tmp_path_factory, django_db_setup, commands):
    """Of a web process that all tests share: it does nothing but when it is asked."""
    running = make_processes(tmp_path_factory.mktemp("web"))
    yield start_web(running, commands)
    running.stop()


def start_web(processes, commands):
    port = free_port()
    processes.start("web", commands["web"], HOST="127.0.0.1", PORT=str(port))
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def web(url, user):
    """An HTTP client of the web process, signed in."""
    headers = {"Authorization": str(AccessToken.for_user(user))}
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
        wait_for(lambda: answers(client, "/livez"))
        yield client


@pytest.fixture
def service(web, processes, commands, connection):
    """An HTTP client of the web process, with a worker and the dispatcher behind it."""
    processes.start("worker", commands["worker"])
    processes.start("dispatcher", commands["dispatcher"])
    wait_for(lambda: answers(web, "/readyz"))
    return web


def answers(client, path):
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False


def watch(client, meeting):
    """Starts a sync and polls both endpoints to its end: every pair of answers, in order."""
    path, seen = f"/meetings/{meeting.pk}", []

    def poll():
        pair = (
            client.get(f"{path}/sync_status").json()["in_progress_sync_status"],
            client.get(f"{path}/last_sync_success").json()["last_sync_success"],
        )
        if not seen or seen[-1] != pair:
            seen.append(pair)
        return client.get(f"{path}/sync").json()["phase"] in {"done", "stopped"}

    poll()
    assert client.post(f"{path}/sync").status_code == 202
    wait_for(poll)
    poll()
    return seen


def test_take_a_meeting_through_the_three_steps(service, meeting):
    statuses = (status for status, _ in watch(service, meeting))
    assert [status for status, _ in groupby(statuses)] == [None, 1, 2, 3, None]


def test_show_a_failure_a_success_and_a_final_failure(service, make_meeting):
    attendees = ("unavailable.step2.x1@sandbox.invalid", "rejected@sandbox.invalid")
    meetings = [make_meeting(attendee) for attendee in attendees]
    retried, failed = in_threads(*(partial(watch, service, meeting) for meeting in meetings))
    assert (2, False) in retried
    assert retried[-1] == (None, True)
    assert failed[-1] == (None, False)


@pytest.mark.skipif(not PROC.exists(), reason="finds the job's process in /proc")
def test_finish_a_sync_whose_worker_was_killed_in_a_step(service, processes, commands, meeting):
    service.post(f"/meetings/{meeting.pk}/sync")
    wait_for(lambda: SyncAttempt.objects.filter(finished_at=None).exists())
    kill_worker(processes.running["worker"].pid)
    processes.start("worker-2", commands["worker"])
    path = f"/meetings/{meeting.pk}/sync"
    wait_for(lambda: service.get(path).json()["state"] == "synced")
    assert SyncAttempt.objects.filter(outcome="interrupted").exists()
    assert not SyncAttempt.objects.filter(finished_at=None).exists()
    kinds = list(SandboxRecord.objects.order_by("kind").values_list("kind", flat=True))
    assert kinds == ["contact", "contact", "meeting", "note"]


def kill_worker(pid):
    """With -9, the process that holds the job first."""
    children = [
        int(stat.parent.name) for stat in PROC.glob("[0-9]*/stat") if parent_of(stat) == pid
    ]
    for victim in [*children, pid]:
        os.kill(victim, signal.SIGKILL)


def parent_of(stat):
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:  # It ended meanwhile.
        return None


def test_let_a_worker_end_its_step_when_it_is_stopped(service, processes, meeting):
    service.post(f"/meetings/{meeting.pk}/sync")
    wait_for(lambda: SyncAttempt.objects.filter(finished_at=None).exists())
    worker = processes.running["worker"]
    worker.terminate()
    assert worker.wait(20) == 0
    attempts = list(SyncAttempt.objects.values_list("outcome", flat=True))
    assert attempts
    assert set(attempts) == {"succeeded"}


def test_leave_no_web_worker_behind(processes, commands):
    with httpx.Client(base_url=start_web(processes, commands), trust_env=False) as client:
        wait_for(lambda: answers(client, "/livez"))
        processes.running["web"].kill()
        wait_for(lambda: not answers(client, "/livez"))


PRODUCTION = {
    "SECRET_KEY": "a-key-that-is-long-enough-and-has-more-than-five-characters-of-its-own",
    "SYNC_LEASE_SECONDS": "90",
    "ALLOWED_HOSTS": "api.example.com",
    "PUBLIC_URL": "https://api.example.com",
    "METRICS_TOKEN": "t0ken",
    "SANDBOX_FAULTS": "0",
}


def test_release_refuses_what_is_not_fit_for_production(processes, commands, tmp_path):
    processes.start("release", commands["release"], **PRODUCTION, DEBUG="1")
    assert processes.running["release"].wait(60) == 1
    assert "DEBUG is on" in (tmp_path / "release.log").read_text()


@pytest.mark.skipif(database.vendor == "sqlite", reason="SQLite is not fit for production")
def test_release_leaves_nothing_to_migrate(processes, commands, tmp_path):
    processes.start("release", commands["release"], **PRODUCTION)
    assert processes.running["release"].wait(60) == 0, (tmp_path / "release.log").read_text()
    assert "No migrations to apply" in (tmp_path / "release.log").read_text()
