"""A CRM over HTTP that keeps whatever it is told, notices no duplicate, and misbehaves.

`GET /<kind>?key=` finds, `POST /<kind>` creates, `PUT /<kind>/<id>` changes, `DELETE` removes; the
bearer token is the account. A fault after a write hides from the caller that the write was made.
"""

import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

REFUSALS = {"unavailable": 0.03, "rate_limited": 0.005, "locked": 0.01}  # Before the write.
LOST_ANSWERS = {"cut_off": 0.02, "html": 0.005, "slow": 0.02}  # After the write.
STATUSES = {"unavailable": 503, "rate_limited": 429, "locked": 423}
ANSWER_SECONDS = (0.005, 0.03)
SLOW_SECONDS = (1.0, 2.0)
RETRY_AFTER_SECONDS = 1
REMOVED = "removed"  # The kind of a record that is there no more.
Answer = tuple[int, bytes, dict[str, str]]  # Status, body and headers.


@dataclass
class Record:
    account: str
    kind: str
    key: str
    id: str
    content: dict[str, Any]


class FaultyServer(ThreadingHTTPServer):
    """Serves within `with`; `records` is what the CRM holds."""

    daemon_threads = True

    def __init__(self, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.records: list[Record] = []
        self.calls: Counter[str] = Counter()  # Under way, by account.
        self.max_calls = 0
        self.calls_at: list[float] = []
        self.is_out = False  # Then it answers 503 to everybody.
        self.is_moody = True  # Whether it misbehaves by itself.
        self.random = random.Random(seed)
        self.lock = threading.Lock()

    def __enter__(self) -> "FaultyServer":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def duplicates(self) -> list[tuple[str, str, str]]:
        counts = Counter((r.account, r.kind, r.key) for r in self.records)
        return [where for where, count in counts.items() if count > 1]

    def draw(self, chances: dict[str, float]) -> str | None:
        """One of them, or mostly none."""
        if not self.is_moody:
            return None
        rest = 1 - sum(chances.values())
        return self.random.choices([*chances, None], [*chances.values(), rest])[0]

    def count_call(self, account: str, by: int) -> None:
        with self.lock:
            self.calls_at += [time.time()] if by > 0 else []
            self.calls[account] += by
            self.max_calls = max(self.max_calls, self.calls[account])

    def find(self, account: str, kind: str, key: str) -> list[Record]:
        with self.lock:
            return [r for r in self.records if (r.account, r.kind, r.key) == (account, kind, key)]

    def create(self, account: str, kind: str, key: str, content: dict[str, Any]) -> Record:
        with self.lock:
            record = Record(account, kind, key, str(len(self.records) + 1), content)
            self.records.append(record)
            return record

    def update(self, record_id: str, content: dict[str, Any]) -> bool:
        """False if it was removed."""
        with self.lock:
            record = self.records[int(record_id) - 1]
            record.content = content
            return record.kind != REMOVED

    def remove(self, record_id: str) -> bool:
        with self.lock:
            record = self.records[int(record_id) - 1]
            was_there, record.kind, record.key = record.kind != REMOVED, REMOVED, record_id
            return was_there

    def handle_error(self, *_: Any) -> None:
        """A caller that is killed hangs up; that is what a chaos run is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def handle_call(self) -> None:
        self.account = self.headers["Authorization"].removeprefix("Bearer ")
        length = int(self.headers.get("Content-Length", 0))
        self.body = json.loads(self.rfile.read(length)) if length else {}
        self.server.count_call(self.account, +1)
        try:
            time.sleep(self.server.random.uniform(*ANSWER_SECONDS))
            refusal = "unavailable" if self.server.is_out else self.server.draw(REFUSALS)
            answer = self.refuse(refusal) if refusal else self.carry_out()
        finally:
            # Before the answer goes out, for the caller's next call may come at once.
            self.server.count_call(self.account, -1)
        if answer is None:
            self.close_connection = True
        else:
            self.send(*answer)

    do_GET = do_POST = do_PUT = do_DELETE = handle_call

    def refuse(self, refusal: str) -> Answer:
        headers = {"Retry-After": self.retry_after()} if refusal == "rate_limited" else {}
        return STATUSES[refusal], b"{}", headers

    def carry_out(self) -> Answer | None:
        status, content = self.write_or_find()
        fault = self.server.draw(LOST_ANSWERS)
        if fault == "slow":
            time.sleep(self.server.random.uniform(*SLOW_SECONDS))
        if fault == "cut_off":
            return None
        if fault == "html":
            return 200, b"<html>We are back in a moment.</html>", {"Content-Type": "text/html"}
        return status, json.dumps(content).encode(), {"Content-Type": "application/json"}

    def write_or_find(self) -> tuple[int, Any]:
        url = urlsplit(self.path)
        kind, _, record_id = url.path.strip("/").partition("/")
        if kind == "account":
            return 200, {"id": self.account}
        if self.command == "GET":
            found = self.server.find(self.account, kind, parse_qs(url.query)["key"][0])
            return 200, [{"id": record.id} for record in found]
        if self.command == "POST":
            key = self.body.pop("key")
            return 201, {"id": self.server.create(self.account, kind, key, self.body).id}
        if self.command == "DELETE":
            is_known = self.server.remove(record_id)
        else:
            is_known = self.server.update(record_id, self.body)
        return (200 if is_known else 404), {"id": record_id}

    def retry_after(self) -> str:
        """Either way to say it."""
        moment = formatdate(time.time() + RETRY_AFTER_SECONDS, usegmt=True)
        return self.server.random.choice([str(RETRY_AFTER_SECONDS), moment])

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass
