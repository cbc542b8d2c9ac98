"""Open pages that follow the meetings of one person by a stream, whatever is killed meanwhile."""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

import httpx

from benchmarks.lab.people import Api, Person
from crmsync.status.state import PHASES

MAX_FOLLOWED = 100
QUIET_SECONDS = 20  # Longer than between two signs of life.
CATCH_UP_SECONDS = 40  # A lost message costs 30.


class Page(Person):
    def __init__(self, api: Api, meetings: Sequence[int], token: str) -> None:
        super().__init__(api.seen)
        self.api = api
        self.token = token
        self.revisions = dict.fromkeys(meetings[:MAX_FOLLOWED], "")
        self.steps: dict[int, tuple[int | None, int | None]] = {}

    @property
    def known(self) -> str:
        return ",".join(f"{pk}:{revision}" for pk, revision in self.revisions.items())

    def act(self) -> None:
        while not self.ending.is_set():
            try:
                self._follow()
            except httpx.HTTPError:
                self.api.urls.append(self.api.urls.pop(0))
            time.sleep(0.2)

    def _follow(self) -> None:
        url = f"{self.api.urls[0]}/syncs/stream"
        headers = {"Authorization": self.token}
        limits = httpx.Timeout(QUIET_SECONDS)
        with self.api.http.stream(
            "GET", url, params={"known": self.known}, headers=headers, timeout=limits
        ) as response:
            if response.status_code == 200:
                self._read(response.iter_lines())

    def _read(self, lines: Iterable[str]) -> None:
        name = ""
        for line in lines:
            if self.ending.is_set():
                return
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                self._take(name, json.loads(value))

    def _take(self, name: str, data: Any) -> None:
        self.seen.streamed += 1
        if name == "gone":
            for pk in data:
                self.revisions.pop(pk, None)
        elif name == "sync":
            self._show(data)

    def _show(self, document: dict[str, Any]) -> None:
        pk, step = document["meeting_id"], document["in_progress_sync_status"]
        if document["state"] not in PHASES:
            self.seen.unexpected.append(f"The stream invented {document['state']}.")
        self.revisions[pk] = document["revision"]
        quiet = self.seen.quiet_since(pk)
        quiet_before, step_before = self.steps.get(pk, (None, None))
        undisturbed = quiet_before is not None and quiet_before == quiet
        if undisturbed and step and step_before and step < step_before:
            self.seen.backward.append(f"page, meeting {pk}: step {step_before}, then {step}")
        self.steps[pk] = quiet, step

    def is_current(self) -> bool:
        """Whether it shows what a poll would."""
        answer = self.api.call("GET", "/syncs", self.token, params={"known": self.known}).json()
        return not answer["syncs"] and not answer["gone"]


def wait_until_current(pages: Sequence[Page]) -> int:
    """How many show something else in the end."""
    deadline = time.monotonic() + CATCH_UP_SECONDS
    late = list(pages)
    while late and time.monotonic() < deadline:
        late = [page for page in late if not page.is_current()]
        time.sleep(0.5)
    return len(late)
