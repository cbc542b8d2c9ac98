"""Measures candidates in turn, round by round, so that whatever else the machine does hits all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from benchmarks.polls.candidates import Candidate
from benchmarks.polls.client import Load, run_load, send_each
from benchmarks.polls.poll import Poll
from benchmarks.polls.rows import Polled
from benchmarks.procfs import cpu_seconds, megabytes
from benchmarks.services import Services
from syncsite.tests.processes import free_port

WARM_UP_SECONDS = 1
COPIES_DATABASE = 2  # Beside those that the product uses.


@dataclass(frozen=True)
class Measure:
    requests_per_second: float
    cpu_ms_per_1000: float
    p50_ms: float
    p99_ms: float
    megabytes: float


@dataclass(frozen=True)
class Rounds:
    services: Services
    polled: Sequence[Polled]
    rounds: int
    seconds: int

    def measure(
        self, candidates: Sequence[Candidate], say: Callable[[str], None]
    ) -> dict[str, list[Measure]]:
        """Of each candidate one measure per round."""
        measures: dict[str, list[Measure]] = {candidate.name: [] for candidate in candidates}
        for number in range(self.rounds):
            for candidate in candidates:
                say(f"round {number + 1} of {self.rounds}: {candidate.name}")
                measures[candidate.name].append(self._measure(candidate))
        return measures

    def _measure(self, candidate: Candidate) -> Measure:
        port = free_port()
        variables = {
            "DJANGO_SETTINGS_MODULE": "syncsite.settings",
            "COPIES_URL": self.services.redis_url(COPIES_DATABASE),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "WEB_CONCURRENCY": "1",
            "LOG_LEVEL": "INFO",
            **candidate.environment,
        }
        commands = {"web": candidate.command}
        with self.services.running(commands, variables, lambda: _answers(port)) as processes:
            polls = self._prime(port, candidate)
            pid = processes.running["web"].pid
            run_load(port, polls, WARM_UP_SECONDS, self.services.folder)
            before = cpu_seconds([pid])
            load = run_load(port, polls, self.seconds, self.services.folder)
            return _measure_of(load, cpu_seconds([pid]) - before, megabytes([pid]))

    def _prime(self, port: int, candidate: Candidate) -> list[Poll]:
        """The polls to measure. Each is answered once by now, so what a server keeps is there."""
        self.services.redis(1).flushdb()  # The product's copies end, and would do so under load.
        polls = [candidate.poll_of(it) for it in self.polled]
        etags = send_each(port, polls)
        if not candidate.conditional:
            return polls
        return [poll.unless_changed(etag) for poll, etag in zip(polls, etags, strict=True)]


def _measure_of(load: Load, cpu: float, memory: float) -> Measure:
    return Measure(
        requests_per_second=load.requests / load.seconds,
        cpu_ms_per_1000=1e6 * cpu / load.requests,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        megabytes=memory,
    )


def _answers(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
    except httpx.TransportError:
        return False
    return True
