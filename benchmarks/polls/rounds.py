"""Measures candidates in turn, round by round, so that whatever else the machine does hits all."""

from collections.abc import Mapping, Sequence

from benchmarks.polls.candidates import Candidate
from benchmarks.polls.client import run_load, send_each
from benchmarks.polls.poll import Poll
from benchmarks.polls.rows import Polled
from benchmarks.procfs import cpu_seconds, megabytes
from benchmarks.services import Services, http_status
from syncsite.tests.processes import free_port

WARM_UP_SECONDS = 1
COPIES_DATABASE = 2  # Beside those that the product uses.
Measure = Mapping[str, float]


def measure(
    services: Services, candidate: Candidate, polled: Sequence[Polled], seconds: int
) -> Measure:
    port = free_port()
    variables = {
        "DJANGO_SETTINGS_MODULE": "syncsite.settings",
        "COPIES_URL": services.redis_url(COPIES_DATABASE),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        **candidate.environment,
    }
    with services.running(
        {"web": candidate.command}, variables, lambda: http_status(port, "/") > 0
    ) as processes:
        services.redis(1).flushdb()  # The product's copies end, and would do so under load.
        polls = _prime(port, candidate, polled)
        run_load(port, polls, WARM_UP_SECONDS, services.folder)
        if candidate.misses:
            services.redis(1).flushdb()
        return _measure(processes.running["web"].pid, port, polls, seconds, services, candidate)


def _prime(port: int, candidate: Candidate, polled: Sequence[Polled]) -> list[Poll]:
    """The polls to measure. Each is answered once by now, so what a server keeps is there."""
    polls = [candidate.poll_of(it) for it in polled]
    etags = send_each(port, polls)
    if not candidate.conditional:
        return polls
    return [poll.unless_changed(etag) for poll, etag in zip(polls, etags, strict=True)]


def _measure(
    pid: int, port: int, polls: Sequence[Poll], seconds: int, services: Services
) -> Measure:
    before = cpu_seconds([pid])
    load = run_load(port, polls, seconds, services.folder)
    return {
        "requests/s": load.requests / load.seconds,
        "CPU ms/1000": 1e6 * (cpu_seconds([pid]) - before) / load.requests,
        "p50 ms": load.p50_ms,
        "p99 ms": load.p99_ms,
        "MB": megabytes([pid]),
    }
