"""The people of a run: they sync, click twice, change their minds, and watch what they are told."""

import random
import threading
import time
import traceback
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from django.db import OperationalError, connection

from crmsync.models import SyncRun
from meetings.models import Meeting

ENDED = {SyncRun.Status.SUCCEEDED, SyncRun.Status.FAILED, SyncRun.Status.CANCELED}
RETRY_SECONDS = 60
EXPECTED_REFUSALS = {404, 409}  # Of what was deleted or ended a moment ago.
MAX_POLLS = 60  # Of one sync.
MAX_ACTIVE = 40  # Syncs at a time.


@dataclass
class Observations:
    """What people and onlookers saw, shared by all threads."""

    active: int = 0
    polls: int = 0
    pages: int = 0  # That follow by a stream.
    streamed: int = 0  # Events.
    late_pages: int = 0  # That showed something else than polls in the end.
    restarts: int = 0
    settled_seconds: float = 0
    outages: list[tuple[float, float]] = field(default_factory=list)  # Of the database.
    asked: set[int] = field(default_factory=set)
    canceled: set[int] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    keys: dict[int, tuple[str, str]] = field(default_factory=dict)  # Account and key of each.
    actions_done: Counter[int] = field(default_factory=Counter)
    actions_under_way: Counter[int] = field(default_factory=Counter)
    latest: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=10))
    unexpected: list[str] = field(default_factory=list)
    server_errors: list[tuple[float, str]] = field(default_factory=list)
    backward: list[str] = field(default_factory=list)

    @contextmanager
    def action(self, meeting: int) -> Iterator[None]:
        """Something that may start or end a sync of the meeting."""
        self.actions_under_way[meeting] += 1
        yield
        self.actions_done[meeting] += 1
        self.actions_under_way[meeting] -= 1

    def quiet_since(self, meeting: int) -> int | None:
        """The number of actions so far; None while one is under way."""
        return None if self.actions_under_way[meeting] else self.actions_done[meeting]


class Api:
    """One client of the service, which tries another web process where one does not answer."""

    def __init__(self, urls: Sequence[str], seen: Observations) -> None:
        self.urls = list(urls)
        self.seen = seen
        self.http = httpx.Client(trust_env=False, timeout=30)

    def call(self, method: str, path: str, token: str, **options: Any) -> httpx.Response:
        deadline = time.monotonic() + RETRY_SECONDS
        while (response := self._try(method, path, token, **options)) is None:
            assert time.monotonic() < deadline, "No web process answers."
            self.urls.append(self.urls.pop(0))
            time.sleep(0.05)
        return response

    def _try(self, method: str, path: str, token: str, **options: Any) -> httpx.Response | None:
        headers = {"Authorization": token}
        try:
            response = self.http.request(method, self.urls[0] + path, headers=headers, **options)
        except httpx.TransportError:
            return None
        if response.is_server_error:
            what = f"{method} {path}: {response.status_code} {response.text[:200]}"
            self.seen.server_errors.append((time.monotonic(), what))
            return None
        if response.is_client_error and response.status_code not in EXPECTED_REFUSALS:
            self.seen.unexpected.append(f"{method} {path}: {response.status_code} {response.text}")
        return response


class Person(threading.Thread):
    """What stops one is a finding, too."""

    def __init__(self, seen: Observations) -> None:
        super().__init__(daemon=True)
        self.seen = seen
        self.ending = threading.Event()

    def run(self) -> None:
        try:
            self.act()
        except Exception:
            self.seen.unexpected.append(traceback.format_exc())

    def act(self) -> None:
        raise NotImplementedError


class Salesperson(Person):
    """Syncs its share of the meetings, as fast as the service gets done with them."""

    def __init__(self, api: Api, share: Sequence[tuple[int, str]], seed: int) -> None:
        super().__init__(api.seen)
        self.api = api
        self.share = share
        self.random = random.Random(seed)

    def act(self) -> None:
        with self.api.http:
            for number, (meeting, token) in enumerate(self.share):
                while self.seen.active >= MAX_ACTIVE:
                    time.sleep(0.1)
                for _ in range(self.random.choice([1, 1, 2])):
                    self.sync(meeting, token)
                self.change_mind(*self.random.choice(self.share[: number + 1]))

    def sync(self, meeting: int, token: str) -> None:
        with self.seen.action(meeting):
            response = self.api.call("POST", f"/meetings/{meeting}/sync", token)
        if response.status_code == 202:
            self.seen.asked.add(meeting)
            self.seen.latest.append((meeting, token))
            self.seen.canceled.discard(meeting)

    def change_mind(self, meeting: int, token: str) -> None:
        actions = {
            None: 0.7,
            self.edit: 0.19,
            self.cancel: 0.05,
            self.delete: 0.02,
            self.remove: 0.04,
        }
        [action] = self.random.choices(list(actions), list(actions.values()))
        if action:
            action(meeting, token)

    def edit(self, meeting: int, token: str) -> None:
        """Sometimes while a sync is under way, and sometimes nobody syncs it afterwards."""
        word = f"{self.random.random()}"
        email = f"late-{self.random.randrange(10)}@acme.example"
        changes: list[dict[str, Any]] = [
            {"title": f"Moved {word}"},
            {"notes": f"Said {word}"},
            {"attendees": [{"email": email, "name": f"Late {word}"}]},
        ]
        change = self.random.choice(changes)
        self.api.call("PATCH", f"/meetings/{meeting}", token, json=change)
        if self.random.random() < 0.7:
            self.sync(meeting, token)

    def cancel(self, meeting: int, token: str) -> None:
        self.seen.canceled.add(meeting)
        with self.seen.action(meeting):
            self.api.call("DELETE", f"/meetings/{meeting}/sync", token)

    def delete(self, meeting: int, token: str) -> None:
        self.seen.deleted.add(meeting)
        with self.seen.action(meeting):
            self.api.call("DELETE", f"/meetings/{meeting}", token)

    def remove(self, meeting: int, token: str) -> None:
        """From the CRM as well."""
        self.seen.removed.add(meeting)
        with self.seen.action(meeting):
            self.api.call("DELETE", f"/meetings/{meeting}?in_crm=delete", token)


class Poller(Person):
    """A frontend that follows one sync after another: the step it is shown never goes back."""

    def __init__(self, api: Api, seed: int) -> None:
        super().__init__(api.seen)
        self.api = api
        self.random = random.Random(seed)
        self.last: dict[int, tuple[int | None, int | None]] = {}

    def act(self) -> None:
        with self.api.http:
            while not self.ending.wait(0.1):
                if self.seen.latest:
                    self.follow(*self.random.choice(self.seen.latest))

    def follow(self, meeting: int, token: str) -> None:
        for _ in range(MAX_POLLS):
            if self.ending.wait(0.2) or not self.poll(meeting, token):
                return

    def poll(self, meeting: int, token: str) -> bool:
        """Whether there is more to see."""
        quiet = self.seen.quiet_since(meeting)
        for name in ("sync", "last_sync_success", "sync_status"):
            response = self.api.call("GET", f"/meetings/{meeting}/{name}", token)
            if response.status_code == 404:
                return False
            self.seen.polls += 1
        step = response.json()["in_progress_sync_status"]
        quiet_before, step_before = self.last.get(meeting, (None, None))
        # Whatever somebody did in between may have started a new sync.
        undisturbed = quiet_before is not None and quiet_before == self.seen.quiet_since(meeting)
        if undisturbed and step and step_before and step < step_before:
            self.seen.backward.append(f"meeting {meeting}: step {step_before}, then {step}")
        self.last[meeting] = quiet, step
        return bool(step) or not step_before


class Onlooker(Person):
    """Reads the rows themselves: versions, attempts and steps only grow, an end is the end."""

    def __init__(self, seen: Observations) -> None:
        super().__init__(seen)
        self.versions: dict[int, int] = defaultdict(int)
        self.runs: dict[int, tuple[str, int, int]] = {}

    def act(self) -> None:
        while not self.ending.wait(0.5):
            try:
                self.look()
            except OperationalError:  # The database is being restarted.
                connection.close()
        connection.close()

    def look(self) -> None:
        for meeting, version in Meeting.objects.values_list("pk", "version"):
            if version < self.versions[meeting]:
                self.seen.backward.append(f"meeting {meeting}: version {version}")
            self.versions[meeting] = version
        self.seen.active = SyncRun.objects.active().count()
        for pk, status, attempt, step in SyncRun.objects.values_list(
            "pk", "status", "attempt", "step"
        ):
            self._compare(pk, status, attempt, step)

    def _compare(self, pk: int, status: str, attempt: int, step: int) -> None:
        old_status, old_attempt, old_step = self.runs.get(pk, ("", 0, 0))
        resurrected = old_status in ENDED and status != old_status
        if resurrected or attempt < old_attempt or step < old_step:
            self.seen.backward.append(f"run {pk}: {old_status} {old_step}, then {status} {step}")
        self.runs[pk] = status, attempt, step
