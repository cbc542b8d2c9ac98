"""A CRM answers nobody for ten minutes of shortened time, while very many syncs are asked for."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from accounts.tokens import AccessToken
from benchmarks import rows
from benchmarks.lab.crm import FaultyServer
from benchmarks.lab.people import Api, Observations, Person
from benchmarks.lab.stack import CONCURRENCY, Stack
from crmsync.models import CrmHost, SyncRun
from syncsite.tests.processes import wait_for

SPEED = 10  # The retries and the probes of OUTAGE_ENVIRONMENT are so much faster than usual.
OUTAGE_SECONDS = 600 / SPEED
PROBE_SECONDS = 30 / SPEED
OUTAGE_ENVIRONMENT = {
    "SYNC_RETRY_DELAYS": "1,3,12,48,120",
    "SYNC_PROBE_SECONDS": str(PROBE_SECONDS),
}
USERS, SYNCS, LONE_SYNCS = 20, 300, 5
MAX_RECOVERY_SECONDS = 120
GRACE_SECONDS = 2.0  # For calls that were under way when the breaker opened.


@dataclass
class Follower(Person):
    """Reads documents in turn, and notes each that says what is not promised."""

    api: Api
    owned: Sequence[tuple[int, str]]
    untrue: list[str] = field(default_factory=list)
    polls: int = 0

    def __post_init__(self) -> None:
        super().__init__(self.api.seen)

    __hash__ = threading.Thread.__hash__

    def act(self) -> None:
        with self.api.http:
            while not self.ending.is_set():
                for meeting, token in self.owned:
                    self.check(self.api.call("GET", f"/meetings/{meeting}/sync", token).json())
                    if self.ending.wait(0.01):
                        return

    def check(self, told: Mapping[str, object]) -> None:
        self.polls += 1
        step, success = told["in_progress_sync_status"], told["last_sync_success"]
        promised = {
            "syncing": step is not None,
            "retrying": step is not None and success is False,
            "waiting": success is not True,
            "queued": success is not True,
            "synced": step is None and success is True,
            "never_synced": True,
        }
        if not promised.get(str(told["state"]), False):
            self.untrue.append(f"{told['state']} with {step} and {success}: {told['headline']}")


def run(stack: Stack, seed: int) -> tuple[dict[str, float], dict[str, int]]:
    """Totals, and what must be zero."""
    with FaultyServer(seed) as crm, FaultyServer(seed + 1) as lone:
        crm.is_moody = lone.is_moody = False
        return _run(stack, crm, lone)


def _run(
    stack: Stack, crm: FaultyServer, lone: FaultyServer
) -> tuple[dict[str, float], dict[str, int]]:
    seen = Observations()
    owned = _make_meetings(crm.url, USERS, SYNCS)
    alone = _make_meetings(lone.url, 1, LONE_SYNCS)
    api = Api(stack.urls, seen)
    follower = Follower(Api(stack.urls, seen), owned)
    lone.is_out = True
    _ask(api, alone)
    wait_for(lambda: _is_out(lone), 120)
    _ask(api, owned[:USERS])
    wait_for(lambda: _synced() >= USERS, 120)
    opened_another = int(_is_out(crm))
    crm.is_out = True
    follower.start()
    _ask(api, owned[USERS:])
    wait_for(lambda: _is_out(crm), 120)
    opened_at = time.time()
    time.sleep(OUTAGE_SECONDS)
    crm.is_out = lone.is_out = False
    returned_at = time.time()
    wait_for(lambda: not SyncRun.objects.active().exists(), 2 * MAX_RECOVERY_SECONDS)
    recovery = time.time() - returned_at
    follower.ending.set()
    follower.join()
    probes = [at for at in crm.calls_at if opened_at + GRACE_SECONDS < at < returned_at]
    close = [b - a for a, b in pairwise(probes) if b - a < 0.9 * PROBE_SECONDS]
    seen.unexpected += follower.untrue
    totals = {
        "meetings": len(owned) + len(alone),
        "synced": _synced(),
        "canceled": 0,
        "deleted": 0,
        "probes": len(probes),
        "polls": follower.polls,
        "seconds until all were synced": recovery,
    }
    return totals, {
        "failed syncs": SyncRun.objects.filter(status=SyncRun.Status.FAILED).count(),
        "syncs not synced": len(owned) + len(alone) - _synced(),
        "second probes in an interval": len(close),
        "no probe at all": int(not probes),
        "documents that break a promise": len(follower.untrue),
        "recovered too slowly": int(recovery > MAX_RECOVERY_SECONDS),
        "calls at once beyond the places": max(0, crm.max_calls - CONCURRENCY),
        "another host’s breaker opened": opened_another,
        "5xx and refusals": len(seen.server_errors) + len(seen.unexpected),
    }


def _make_meetings(url: str, users: int, count: int) -> list[tuple[int, str]]:
    owners = rows.make_users(users)
    rows.connect(owners, "faulty", url=url)
    tokens = {owner.pk: str(AccessToken.for_user(owner)) for owner in owners}
    meetings = rows.make_meetings(owners[number % users] for number in range(count))
    rows.invite(meetings, lambda: ["ann@acme.example"])
    return [(meeting.pk, tokens[meeting.user_id]) for meeting in meetings]


def _ask(api: Api, owned: Sequence[tuple[int, str]]) -> None:
    for meeting, token in owned:
        api.call("POST", f"/meetings/{meeting}/sync", token)


def _is_out(server: FaultyServer) -> bool:
    name = server.url.removeprefix("http://")
    return CrmHost.objects.filter(name=name).exclude(open_since=None).exists()


def _synced() -> int:
    return SyncRun.objects.filter(status=SyncRun.Status.SUCCEEDED).count()
