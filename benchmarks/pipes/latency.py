"""How soon a sync begins, and goes on, where nothing else is to do."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

import httpx
from rest_framework_simplejwt.tokens import AccessToken

from benchmarks.pipes.bench import Bench
from benchmarks.pipes.goal import Goal, at_most
from benchmarks.pipes.ours import PROCFILE
from benchmarks.pipes.syncs import make_meetings
from crmsync.engine import heartbeat, hints
from crmsync.models import SyncRun
from meetings.models import Meeting
from syncsite.tests.processes import free_port, wait_for

SYNCS = 30
WARM_UP = 3
FIRST_CALL_LIMIT = 50
NEXT_STEP_LIMIT = 20


@dataclass(frozen=True)
class Delay:
    name: str
    milliseconds: Sequence[float]
    limit: float

    @property
    def median(self) -> float:
        return median(self.milliseconds)

    @property
    def slow(self) -> float:
        """Nine of ten are faster."""
        return quantiles(self.milliseconds, n=10)[-1]

    @property
    def goal(self) -> Goal:
        return at_most(self.limit, f"median {self.name}", self.median, "ms")


def run(bench: Bench) -> list[Delay]:
    port, calls = str(free_port()), bench.folder / "calls"
    commands = {name: PROCFILE[name] for name in ("web", "worker", "dispatcher")}
    variables = {"CRM_CALLS_FILE": str(calls), "HOST": "127.0.0.1", "PORT": port}
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
    with client, bench.running(commands, variables):
        wait_for(lambda: _is_ready(client))
        asked = [_sync(client, meeting) for meeting in make_meetings(WARM_UP + SYNCS)]
    called = [float(line) for line in calls.read_text().split()][::3]
    begun = [1000 * (call - ask) for ask, call in zip(asked, called, strict=True)]
    gaps = [_gap(run) for run in SyncRun.objects.order_by("pk")]
    return [
        Delay("from the request to the CRM's first call", begun[WARM_UP:], FIRST_CALL_LIMIT),
        Delay("from a step's end to the next one's start", gaps[WARM_UP:], NEXT_STEP_LIMIT),
    ]


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


def _is_ready(client: httpx.Client) -> bool:
    try:
        is_up = client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
    return is_up and heartbeat.is_alive() and hints.count_workers() > 0
