"""Sends polls and checks every answer: one by one, or many at a time by wrk."""

import re
import subprocess
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from benchmarks.polls.poll import Poll

SCRIPT = Path(__file__).with_name("wrk.lua")
RESULT = re.compile(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\d+)\n(.*)", re.MULTILINE | re.DOTALL)


class WrongAnswersError(Exception):
    """The run proves nothing; the message shows one of them."""


class Load(NamedTuple):
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float


def send_each(port: int, polls: Sequence[Poll]) -> list[str]:
    """The ETag of each answer."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        return [_send(connection, poll) for poll in polls]


def run_load(
    port: int, polls: Sequence[Poll], connections: int, seconds: int, folder: Path
) -> Load:
    file = folder / "polls.tsv"
    file.write_text("".join(map(_line, polls)))
    many = str(connections)
    command = ["wrk", "-t", many, "-c", many, "-d", f"{seconds}s", "-s", str(SCRIPT)]
    target = [f"http://127.0.0.1:{port}", "--", str(file), many]
    done = subprocess.run([*command, *target], capture_output=True, text=True, check=True)  # noqa: S603
    match = RESULT.search(done.stdout)
    assert match, done.stdout
    requests, microseconds, p50, p99, wrong = (int(match[n]) for n in range(1, 6))
    if wrong or not requests:
        raise WrongAnswersError(f"{wrong} of {requests}\n{match[6]}")
    return Load(requests, microseconds / 1e6, p50 / 1e3, p99 / 1e3)


def _send(connection: HTTPConnection, poll: Poll) -> str:
    connection.request("GET", poll.path, headers=poll.headers)
    response = connection.getresponse()
    body = response.read()
    if not poll.is_answered_by(response.status, body):
        raise WrongAnswersError(f"{poll}\ngot {response.status} {body.decode()}")
    return response.headers.get("ETag", "")


def _line(poll: Poll) -> str:
    fields = [poll.path, poll.authorization, poll.etag, str(poll.status), poll.body or ""]
    return "\t".join(fields) + "\n"
