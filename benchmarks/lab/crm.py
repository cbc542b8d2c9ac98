"""A CRM over HTTP that keeps whatever it is told, notices no duplicate, and misbehaves.

`GET /<kind>?key=` finds, `POST /<kind>` creates, `PUT /<kind>/<id>` changes; the bearer token is
the account. Trouble after a write hides from the caller that the write was made.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BEFORE_WRITING = {"unavailable": 0.03, "rate_limited": 0.005, "locked": 0.01}
AFTER_WRITING = {"cut_off": 0.02, "html": 0.005, "slow": 0.02}
ANSWER_SECONDS = (0.005, 0.03)
SLOW_SECONDS = (1.0, 2.0)
RETRY_AFTER_SECONDS = 1


@dataclass
class Record:
    account: str
    kind: str
    key: str
    id: str
    content: dict[str, Any]


@dataclass
class LabServer:
    """Starts with `with`; `records` is what the CRM holds, `writes` counts what it was told."""

    seed: int
    trouble: bool = True
    records: list[Record] = field(default_factory=list)
    writes: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    calls_at_once: Counter[str] = field(default_factory=Counter)
    most_calls_at_once: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.lock = threading.Lock()

    def __enter__(self) -> "LabServer":
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.lab = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def duplicates(self) -> list[tuple[str, str, str]]:
        counts = Counter((r.account, r.kind, r.key) for r in self.records)
        return [where for where, count in counts.items() if count > 1]

    def draw_trouble(self, chances: dict[str, float]) -> str | None:
        with self.lock:
            drawn = self.random.random() if self.trouble else 1
            for name, chance in chances.items():
                if drawn < chance:
                    self.troubles[name] += 1
                    return name
                drawn -= chance
        return None

    def enter(self, account: str) -> None:
        with self.lock:
            self.calls_at_once[account] += 1
            self.most_calls_at_once = max(self.most_calls_at_once, self.calls_at_once[account])

    def leave(self, account: str) -> None:
        with self.lock:
            self.calls_at_once[account] -= 1

    def find(self, account: str, kind: str, key: str) -> list[Record]:
        with self.lock:
            return [r for r in self.records if (r.account, r.kind, r.key) == (account, kind, key)]

    def create(self, account: str, kind: str, key: str, content: dict[str, Any]) -> Record:
        with self.lock:
            self.writes["create"] += 1
            record = Record(account, kind, key, str(len(self.records) + 1), content)
            self.records.append(record)
            return record

    def update(self, account: str, record_id: str, content: dict[str, Any]) -> Record | None:
        with self.lock:
            self.writes["update"] += 1
            for record in self.records:
                if (record.account, record.id) == (account, record_id):
                    record.content = content
                    return record
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    lab: LabServer

    def handle_error(self, *_: Any) -> None:
        """A caller that was killed hangs up; that is what a lab run is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one_call(self) -> None:
        lab = self.server.lab
        self.account = self.headers["Authorization"].removeprefix("Bearer ")
        length = int(self.headers.get("Content-Length", 0))
        self.body = json.loads(self.rfile.read(length)) if length else {}
        lab.enter(self.account)
        try:
            time.sleep(lab.random.uniform(*ANSWER_SECONDS))
            trouble = lab.draw_trouble(BEFORE_WRITING)
            if trouble:
                REFUSALS[trouble](self)
                return
            status, answer = self.carry_out()
            trouble = lab.draw_trouble(AFTER_WRITING)
            if trouble == "slow":
                time.sleep(lab.random.uniform(*SLOW_SECONDS))
        finally:
            lab.leave(self.account)
        if trouble == "cut_off":
            self.close_connection = True
        elif trouble == "html":
            self.answer(200, b"<html>We are back in a moment.</html>", "text/html")
        else:
            self.answer(status, json.dumps(answer).encode())

    do_GET = do_POST = do_PUT = handle_one_call

    def carry_out(self) -> tuple[int, Any]:
        lab, url = self.server.lab, urlsplit(self.path)
        kind, _, record_id = url.path.strip("/").partition("/")
        if kind == "account":
            return 200, {"id": self.account}
        if self.command == "GET":
            found = lab.find(self.account, kind, parse_qs(url.query)["key"][0])
            return 200, [{"id": record.id} for record in found]
        if self.command == "POST":
            key = self.body.pop("key")
            return 201, {"id": lab.create(self.account, kind, key, self.body).id}
        record = lab.update(self.account, record_id, self.body)
        return (200, {"id": record.id}) if record else (404, {"error": "not found"})

    def answer(
        self, status: int, body: bytes, kind: str = "application/json", **headers: str
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _too_many(handler: _Handler) -> None:
    seconds = str(RETRY_AFTER_SECONDS)
    moment = formatdate(time.time() + RETRY_AFTER_SECONDS, usegmt=True)
    when = handler.server.lab.random.choice([seconds, moment])
    handler.answer(429, b"{}", Retry_After=when)


REFUSALS: dict[str, Callable[[_Handler], None]] = {
    "unavailable": lambda handler: handler.answer(503, b"{}"),
    "locked": lambda handler: handler.answer(423, b"{}"),
    "rate_limited": _too_many,
}
