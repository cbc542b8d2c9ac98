"""Measures candidates in turn, round by round, so that all see the same weather."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.polls.candidates import Candidate
from benchmarks.polls.gauges import cpu_seconds, megabytes
from benchmarks.polls.instructions import Instructions
from benchmarks.polls.load import Load
from benchmarks.polls.poll import Poll
from benchmarks.polls.priming import prime
from benchmarks.polls.rows import Polled
from benchmarks.polls.server import Server
from benchmarks.polls.threads import run_threads
from benchmarks.polls.wrk import run_wrk

WARM_UP_SECONDS = 1


@dataclass(frozen=True)
class Measure:
    requests_per_second: float
    cpu_ms_per_1000: float
    p50_ms: float
    p99_ms: float
    megabytes: float
    instructions_per_request: float | None


@dataclass(frozen=True)
class Rounds:
    """How everything is measured."""

    polled: Sequence[Polled]
    copies_url: str
    folder: Path
    rounds: int
    seconds: int

    def measure(
        self, candidates: Sequence[Candidate], processes: int, say: Callable[[str], None]
    ) -> dict[str, list[Measure]]:
        """Of each candidate one measure per round."""
        measures: dict[str, list[Measure]] = {candidate.name: [] for candidate in candidates}
        for number in range(self.rounds):
            for candidate in candidates:
                say(f"round {number + 1} of {self.rounds}: {candidate.name}")
                measures[candidate.name].append(self._measure(candidate, processes))
        return measures

    def _measure(self, candidate: Candidate, processes: int) -> Measure:
        with Server(candidate, processes, self.folder, self.copies_url) as server:
            polls = prime(server.url, candidate, self.polled)
            self._load(server, polls, WARM_UP_SECONDS)
            pids = server.pids
            before = cpu_seconds(pids)
            with Instructions(pids) as instructions:
                load = self._load(server, polls, self.seconds)
            cpu = cpu_seconds(pids) - before
            return _measure_of(load, cpu, megabytes(pids), instructions.count)

    def _load(self, server: Server, polls: Sequence[Poll], seconds: int) -> Load:
        if shutil.which("wrk"):
            return run_wrk(server.url, polls, seconds, self.folder)
        return run_threads(server.url, polls, seconds)


def _measure_of(load: Load, cpu: float, memory: float, instructions: int | None) -> Measure:
    return Measure(
        requests_per_second=load.requests / load.seconds,
        cpu_ms_per_1000=1e6 * cpu / load.requests,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        megabytes=memory,
        instructions_per_request=instructions and instructions / load.requests,
    )
