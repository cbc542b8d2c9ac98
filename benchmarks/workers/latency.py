"""How soon a sync begins, and goes on, where nothing else is to do."""

import time
from collections.abc import Sequence
from statistics import median, quantiles

import httpx

from accounts.tokens import AccessToken
from benchmarks.results import Goal, print_table
from benchmarks.services import PROCFILE, Services, http_status
from benchmarks.workers import ours
from crmsync.models import SyncRun
from meetings.models import Meeting
from syncsite.tests.processes import free_port, wait_for

SYNCS = 30
WARM_UP = 3
LIMITS = {  # Milliseconds.
    "from the request to the CRM's first call": 50,
    "from a step's end to the next one's start": 20,
}


def run(services: Services) -> list[Goal]:
    services.empty()
    delays = dict(zip(LIMITS, _measure(services), strict=True))
    rows = [(name, median(taken), quantiles(taken, n=10)[-1]) for name, taken in delays.items()]
    print_table(f"{SYNCS} syncs, one after the other", ("median ms", "90 % ms"), rows)
    return [Goal(f"median {name}", median(delays[name]), LIMITS[name], "ms") for name in LIMITS]


def _measure(services: Services) -> tuple[Sequence[float], Sequence[float]]:
    port, calls = free_port(), services.folder / "calls"
    commands = {name: PROCFILE[name] for name in ("web", "worker", "dispatcher")}
    variables = {"CRM_CALLS_FILE": str(calls), "HOST": "127.0.0.1", "PORT": str(port)}
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
    with client, services.running(commands, variables, lambda: _is_ready(port)):
        asked = [_sync(client, meeting) for meeting in ours.make_unsynced(WARM_UP + SYNCS)]
    called = [float(line) for line in calls.read_text().split()][::3]
    begun = [1000 * (call - ask) for ask, call in zip(asked, called, strict=True)]
    gaps = [_gap(run) for run in SyncRun.objects.order_by("pk")]
    return begun[WARM_UP:], gaps[WARM_UP:]


def _sync(client: httpx.Client, meeting: Meeting) -> float:
    """The moment when it was asked for; comes back when all is done and quiet."""
    token = str(AccessToken.for_user(meeting.user))
    asked = time.time()
    answer = client.post(f"/meetings/{meeting.pk}/sync", headers={"Authorization": token})
    assert answer.status_code == 202, answer.text
    done = SyncRun.objects.filter(meeting=meeting, status=SyncRun.Status.SUCCEEDED)
    wait_for(done.exists)
    time.sleep(0.1)
    return asked


def _gap(run: SyncRun) -> float:
    first, second, _ = run.attempts.order_by("step")
    assert first.finished_at is not None
    return 1000 * (second.started_at - first.finished_at).total_seconds()


def _is_ready(port: int) -> bool:
    return http_status(port, "/readyz") == 200 and ours.is_ready(processes=1)
