"""Acts as a frontend: signs in, starts a sync, polls, and shows the progress."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from rich.console import Console

POLL_SECONDS = 0.25
TIMEOUT_SECONDS = 120
# For the last one the sandbox CRM fails twice at the second step.
ATTENDEES = [
    {"email": "ann@acme.example", "name": "Ann Lee"},
    {"email": "bob@acme.example", "name": "Bob Stone"},
    {"email": "carla@acme.example", "name": "Carla Díaz"},
    {"email": "dmitri@acme.example", "name": "Dmitri Wolf"},
    {"email": "unavailable.step2.x2@sandbox.invalid", "name": "Emi Tanaka"},
]


class FrontendError(Exception):
    """The service did not do what a frontend expects."""


class Frontend:
    def __init__(self, url: str, console: Console) -> None:
        self.client = httpx.Client(base_url=url, timeout=10, trust_env=False)
        self.console = console

    def wait_until_ready(self, still_running: Callable[[], None]) -> None:
        """Returns once every part of the service is up; `still_running` raises if one has died."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not self._is_ready():
            still_running()
            if time.monotonic() > deadline:
                raise FrontendError("The service did not get ready in time.")
            time.sleep(POLL_SECONDS)

    def sign_in(self, email: str, password: str) -> dict[str, str]:
        """Returns what the service answers: the token, and when it expires."""
        credentials = {"email": email, "password": password}
        answer: dict[str, str] = self._call("POST", "/authenticate", json=credentials)
        self.client.headers["Authorization"] = answer["auth_token"]
        self._say(f"Signed in as {email}")
        return answer

    def connect(self) -> None:
        self._call("PUT", "/connection", json={"provider": "sandbox", "credentials": {}})
        self._say("Connected the sandbox CRM")

    def add_meeting(self) -> int:
        starts_at = datetime.now(UTC).replace(microsecond=0)
        meeting = {
            "title": "Product demo with Acme",
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(minutes=30)).isoformat(),
            "notes": "They want an offer for 40 seats.",
            "attendees": ATTENDEES,
        }
        pk = self._call("POST", "/meetings", json=meeting)["id"]
        self._say(f"Added meeting {pk} with {len(ATTENDEES)} attendees")
        return pk

    def sync(self, meeting_id: int, still_running: Callable[[], None]) -> bool:
        """Starts a sync and shows it until it ends; returns whether it succeeded."""
        self._call("POST", f"/meetings/{meeting_id}/sync")
        started, shown = time.monotonic(), ""
        while time.monotonic() - started < TIMEOUT_SECONDS:
            still_running()
            document = self._call("GET", f"/meetings/{meeting_id}/sync")
            line = _line(document)
            if line != shown:
                self._say(line)
                shown = line
            if document["phase"] in {"done", "stopped"}:
                return document["state"] == "synced"
            time.sleep(POLL_SECONDS)
        return False

    def _is_ready(self) -> bool:
        try:
            return self.client.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def _call(self, method: str, path: str, **options: Any) -> Any:
        response = self.client.request(method, path, **options)
        response.raise_for_status()
        return response.json()

    def _say(self, text: str) -> None:
        self.console.print(f"{time.strftime('%H:%M:%S')}  {text}", highlight=False, soft_wrap=True)


def _line(document: dict[str, Any]) -> str:
    fields = ("in_progress_sync_status", "last_sync_success")
    text = " ".join([f"{document['state']:<9}", *(f"{f}={document[f]}" for f in fields)])
    if document["error"]:
        text += f"  {document['error']['title']}"
    if document["state"] == "retrying":
        text += f" (try {document['attempt'] + 1} of {document['max_attempts']} follows)"
    return text
