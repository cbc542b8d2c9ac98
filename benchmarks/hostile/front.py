"""What everybody else notices of an attack on the web processes."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import quantiles

import httpx

from accounts.models import User
from accounts.tokens import AccessToken
from benchmarks import rows
from benchmarks.hostile.clients import SlowCrm, connecting_people, deaf_clients, silent_bodies
from benchmarks.results import Goal, console

SILENT, DEAF, CONNECTING = 500, 100, 32
CRM_SECONDS = 19
SECONDS = 20
POLLERS, POLLS_PER_SECOND = 4, 10
PASSWORD = "correct horse"  # noqa: S105


@dataclass
class Seen:
    poll_ms: list[float] = field(default_factory=list)
    log_in_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def p99_ms(self) -> float:
        return quantiles(self.poll_ms, n=100)[-1]


def attack(port: int) -> list[Goal]:
    person = User.objects.create_user("person@example.com", PASSWORD)
    [meeting] = rows.make_meetings([person])
    path = f"/meetings/{meeting.pk}/sync_status"
    tokens = [str(AccessToken.for_user(user)) for user in rows.make_users(CONNECTING)]
    undisturbed = _watch(port, path, person)
    with ExitStack() as hostile, SlowCrm(CRM_SECONDS) as crm:
        hostile.enter_context(silent_bodies(port, SILENT))
        hostile.enter_context(deaf_clients(port, DEAF))
        answers = hostile.enter_context(connecting_people(port, tokens, crm))
        disturbed = _watch(port, path, person)
    return _goals(undisturbed, disturbed, answers)


def _goals(undisturbed: Seen, disturbed: Seen, answers: Counter[tuple[int, bool]]) -> list[Goal]:
    unexplained = sum(n for (status, says_when), n in answers.items() if _is_bad(status, says_when))
    others = sum(n for status, n in disturbed.statuses.items() if status >= 400)
    console.print(f"Undisturbed: {_described(undisturbed)}. Disturbed: {_described(disturbed)}.")
    return [
        Goal("p99 of a poll, beside its undisturbed p99", disturbed.p99_ms / undisturbed.p99_ms, 3),
        Goal("slowest log-in of others", max(disturbed.log_in_ms), 1000, "ms"),
        Goal("polls and log-ins refused", others, 0, ""),
        Goal("people connecting refused without Retry-After", unexplained, 0, ""),
    ]


def _described(seen: Seen) -> str:
    polls = f"{len(seen.poll_ms)} polls, p99 {seen.p99_ms:.0f} ms"
    return f"{polls}, slowest log-in {max(seen.log_in_ms):.0f} ms"


def _is_bad(status: int, says_when: bool) -> bool:
    """400: the CRM refused. 429 and 503 say when to come back."""
    return status != 400 and not (status in (429, 503) and says_when)


def _watch(port: int, path: str, person: User) -> Seen:
    """What people notice who poll, and one who logs in again and again."""
    seen = Seen()
    end = time.monotonic() + SECONDS
    headers = {"Authorization": str(AccessToken.for_user(person))}

    def poll(client: httpx.Client) -> None:
        seen.poll_ms.append(_timed(seen, client, "GET", path))

    def log_in(client: httpx.Client) -> None:
        body = {"email": person.email, "password": PASSWORD}
        seen.log_in_ms.append(_timed(seen, client, "POST", "/authenticate", json=body))

    with ThreadPoolExecutor(POLLERS + 1) as pool:
        polls: list[tuple[Callable[[httpx.Client], None], float]]
        polls = [(poll, 1 / POLLS_PER_SECOND)] * POLLERS
        jobs = [*polls, (log_in, 1.0)]
        watchers = [pool.submit(_repeat, port, headers, *job, end) for job in jobs]
    for watcher in watchers:
        watcher.result()
    return seen


def _repeat(
    port: int,
    headers: dict[str, str],
    action: Callable[[httpx.Client], None],
    pause: float,
    end: float,
) -> None:
    base = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=60) as client:
        while time.monotonic() < end:
            action(client)
            threading.Event().wait(pause)


def _timed(seen: Seen, client: httpx.Client, method: str, path: str, **options: object) -> float:
    started = time.perf_counter()
    answer = client.request(method, path, **options)  # type: ignore[arg-type]
    seen.statuses[answer.status_code] += 1
    return 1000 * (time.perf_counter() - started)
