"""Sends polls and checks every answer: one by one, or many at a time."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path
from statistics import quantiles

from benchmarks.polls.poll import Poll

CONNECTIONS = 8
WRK_SCRIPT = Path(__file__).with_name("wrk.lua")
WRK_RESULT = re.compile(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\d+)\n(.*)", re.MULTILINE | re.DOTALL)


class WrongAnswersError(Exception):
    """The run proves nothing; the message shows one of them."""


@dataclass(frozen=True)
class Load:
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float


def generator() -> str:
    return "wrk" if shutil.which("wrk") else "threads of Python (wrk is not installed)"


def run_load(port: int, polls: Sequence[Poll], seconds: int, folder: Path) -> Load:
    if shutil.which("wrk"):
        return _run_wrk(port, polls, seconds, folder / "polls.tsv")
    return _run_threads(port, polls, seconds)


def send_each(port: int, polls: Sequence[Poll]) -> list[str]:
    """The ETag of each answer."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        return [_send(connection, poll) for poll in polls]


def _send(connection: HTTPConnection, poll: Poll) -> str:
    connection.request("GET", poll.path, headers=poll.headers)
    response = connection.getresponse()
    body = response.read()
    if not poll.is_answered_by(response.status, body):
        raise WrongAnswersError(f"{poll}\ngot {response.status} {body.decode()}")
    return response.headers.get("ETag", "")


def _run_threads(port: int, polls: Sequence[Poll], seconds: int) -> Load:
    start = time.perf_counter()
    shares = [
        islice(cycle(polls), number * len(polls) // CONNECTIONS, None)
        for number in range(CONNECTIONS)
    ]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        taken = pool.map(lambda share: _send_until(port, share, start + seconds), shares)
        times = [each for share in taken for each in share]
    percentiles = quantiles(times, n=100)
    spent = time.perf_counter() - start
    return Load(len(times), spent, 1000 * percentiles[49], 1000 * percentiles[98])


def _send_until(port: int, polls: Iterator[Poll], end: float) -> list[float]:
    times = []
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        while (start := time.perf_counter()) < end:
            _send(connection, next(polls))
            times.append(time.perf_counter() - start)
    return times


def _run_wrk(port: int, polls: Sequence[Poll], seconds: int, file: Path) -> Load:
    file.write_text("".join(map(_line, polls)))
    many = str(CONNECTIONS)  # As many threads, for a response does not say what it answers.
    command = ["wrk", "-t", many, "-c", many, "-d", f"{seconds}s", "-s", str(WRK_SCRIPT)]
    target = [f"http://127.0.0.1:{port}", "--", str(file), many]
    done = subprocess.run([*command, *target], capture_output=True, text=True, check=False)  # noqa: S603
    match = WRK_RESULT.search(done.stdout)
    if match is None:
        raise RuntimeError(f"wrk gave no result:\n{done.stdout}{done.stderr}")
    requests, microseconds, p50, p99, wrong = (int(match[n]) for n in range(1, 6))
    if wrong or not requests:
        raise WrongAnswersError(f"{wrong} of {requests}\n{match[6]}")
    return Load(requests, microseconds / 1e6, p50 / 1e3, p99 / 1e3)


def _line(poll: Poll) -> str:
    fields = [poll.path, poll.authorization, poll.etag, str(poll.status), poll.body or ""]
    return "\t".join(fields) + "\n"
