"""What an attack on the workers and on what waits costs everybody else."""

import time
from collections.abc import Callable

import httpx
from django.db.models import F, Max

from accounts.models import User
from accounts.tokens import AccessToken
from benchmarks import rows
from benchmarks.results import Goal
from crmsync.models import Connection, SyncAttempt, SyncRun
from crmsync.operations import connections, syncs
from syncsite.tests.processes import wait_for

ATTACKERS, MEETINGS_EACH, ATTENDEES = 16, 2, 250
WAITING = 10_000
PASSWORD = "correct horse"  # noqa: S105
SLOWEST_ANSWER = 20  # Seconds that one call to a CRM may take.


def hold_workers(step_seconds: float) -> list[Goal]:
    """Many accounts sync meetings whose sandbox takes hours."""
    attackers = rows.make_users(ATTACKERS)
    rows.connect(attackers, "sandbox")
    meetings = rows.make_meetings(attackers * MEETINGS_EACH)
    emails = [f"slow.x{n}@sandbox.invalid" for n in range(1, ATTENDEES + 1)]
    rows.invite(meetings, lambda: emails)
    for meeting in meetings:
        syncs.request_sync(meeting, by=None)
    wait_for(lambda: SyncAttempt.objects.filter(finished_at=None).exists())
    [person] = rows.make_users(1)
    rows.connect([person], "sandbox")
    started = time.monotonic()
    run, _ = syncs.request_sync(rows.make_meetings([person])[0], by=None)
    wait_for(lambda: SyncRun.objects.filter(pk=run.pk, status="succeeded").exists(), 600)
    waited = time.monotonic() - started
    theirs = SyncRun.objects.filter(connection__user__in=attackers)
    wait_for(lambda: not theirs.active().exists(), 600)
    attempts = SyncAttempt.objects.filter(run__in=theirs)
    took = attempts.aggregate(longest=Max(F("finished_at") - F("started_at")))
    return [
        Goal("longest step", took["longest"].total_seconds(), step_seconds + SLOWEST_ANSWER, "s"),
        Goal("a sync of somebody else meanwhile", waited, 2 * step_seconds, "s"),
    ]


def grow(port: int) -> list[Goal]:
    """Each with very many waiting syncs, whole, as the person waits for it."""
    return [
        Goal(f"{name}, {WAITING:,} syncs waiting", _time(port, action), 1, "s")
        for name, action in ACTIONS.items()
    ]


def _time(port: int, action: "Action") -> float:
    person = _person_with_waiting_syncs()
    headers = {"Authorization": str(AccessToken.for_user(person))}
    base = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as client:
        started = time.perf_counter()
        action(client, person)
        return time.perf_counter() - started


def _person_with_waiting_syncs() -> User:
    [person] = rows.make_users(1)
    person.set_password(PASSWORD)
    person.save()
    rows.connect([person], "sandbox")
    held = Connection.objects.filter(user=person)
    held.update(state=Connection.State.NEEDS_REAUTH)
    link = held.get()
    SyncRun.objects.bulk_create(
        SyncRun(meeting=meeting, connection=link, provider="sandbox")
        for meeting in rows.make_meetings([person] * WAITING)
    )
    return person


def _disconnect(client: httpx.Client, person: User) -> None:
    assert client.delete("/connection").status_code == 204


def _switch(client: httpx.Client, person: User) -> None:
    body = {"provider": "sandbox", "credentials": {"account": "Another"}}
    assert client.put("/connection", json=body).status_code == 200


def _delete(client: httpx.Client, person: User) -> None:
    answer = client.request("DELETE", "/me", json={"current_password": PASSWORD})
    assert answer.status_code == 204, answer.text


def _pause(client: httpx.Client, person: User) -> None:
    assert connections.pause(Connection.objects.get(user=person).pk)


Action = Callable[[httpx.Client, User], None]
ACTIONS: dict[str, Action] = {
    "disconnecting": _disconnect,
    "switching the account": _switch,
    "deleting the person": _delete,
    "pausing": _pause,
}
