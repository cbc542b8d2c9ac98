"""Load from threads of this process, each with one connection."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from itertools import cycle, islice
from urllib.parse import urlsplit

from benchmarks.polls.load import CONNECTIONS, Load, WrongAnswersError, percentile
from benchmarks.polls.poll import Poll


def run_threads(url: str, polls: Sequence[Poll], seconds: int) -> Load:
    start = time.perf_counter()
    shares = [_from(polls, number) for number in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        taken = pool.map(lambda share: _send_until(url, share, start + seconds), shares)
        times = sorted(one for share in taken for one in share)
    spent = time.perf_counter() - start
    p50, p99 = (1000 * percentile(times, share) for share in (0.5, 0.99))
    return Load(len(times), spent, p50, p99)


def connect(url: str) -> HTTPConnection:
    return HTTPConnection(urlsplit(url).netloc, timeout=30)


def send(connection: HTTPConnection, poll: Poll) -> str:
    """The ETag of the answer, if it is the right one."""
    connection.request("GET", poll.path, headers=poll.headers)
    response = connection.getresponse()
    body = response.read()
    if not poll.is_answered_by(response.status, body):
        raise WrongAnswersError(f"{poll}\ngot {response.status} {body.decode()}")
    return response.headers.get("ETag", "")


def _from(polls: Sequence[Poll], number: int) -> Iterator[Poll]:
    return islice(cycle(polls), number * len(polls) // CONNECTIONS, None)


def _send_until(url: str, polls: Iterator[Poll], end: float) -> list[float]:
    times = []
    with closing(connect(url)) as connection:
        while (start := time.perf_counter()) < end:
            send(connection, next(polls))
            times.append(time.perf_counter() - start)
    return times
