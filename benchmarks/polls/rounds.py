"""Measures candidates in turn, round by round, so that whatever else the machine does hits all."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from benchmarks.polls.candidates import Candidate
from benchmarks.polls.client import Load, WrongAnswersError, run_load, send_each
from benchmarks.polls.poll import Poll
from benchmarks.polls.rows import Polled
from benchmarks.procfs import cpu_seconds, megabytes
from benchmarks.services import Services, http_status
from syncsite.tests.processes import free_port

WARM_UP_SECONDS = 1
WARM = 2_000  # Meetings of which Redis holds a copy; of the others it holds none.
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
        polls = _prime(port, candidate, polled[:WARM])
        run_load(port, polls, candidate.connections, WARM_UP_SECONDS, services.folder)
        if candidate.misses:
            polls = [candidate.poll_of(it) for it in polled[WARM:]]
        run = partial(run_load, port, polls, candidate.connections, seconds, services.folder)
        misses = _missed(services)
        load, measured = _measure(processes.running["web"].pid, run)
        _check_misses(_missed(services) - misses, load, candidate)
        return measured


def _prime(port: int, candidate: Candidate, polled: Sequence[Polled]) -> list[Poll]:
    """The polls to measure. Each is answered once by now, so what a server keeps is there."""
    polls = [candidate.poll_of(it) for it in polled]
    etags = send_each(port, polls)
    if not candidate.conditional:
        return polls
    return [poll.unless_changed(etag) for poll, etag in zip(polls, etags, strict=True)]


def _measure(pid: int, run: Callable[[], Load]) -> tuple[Load, Measure]:
    before = cpu_seconds([pid])
    load = run()
    return load, {
        "requests/s": load.requests / load.seconds,
        "CPU ms/1000": 1e6 * (cpu_seconds([pid]) - before) / load.requests,
        "p50 ms": load.p50_ms,
        "p99 ms": load.p99_ms,
        "MB": megabytes([pid]),
    }


def _missed(services: Services) -> int:
    """How often anybody asked Redis for what it does not hold."""
    return int(services.redis().info("stats")["keyspace_misses"])


def _check_misses(misses: int, load: Load, candidate: Candidate) -> None:
    is_expected = misses >= load.requests if candidate.misses else not misses
    if not is_expected:
        raise WrongAnswersError(f"Redis lacked a copy {misses} times in {load.requests} polls.")
