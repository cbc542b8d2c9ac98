"""Gives an engine many syncs at once and measures while it is in the midst of them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from benchmarks.pipes import gauge
from benchmarks.pipes.bare_rq import STEPS
from benchmarks.pipes.bench import Bench
from benchmarks.pipes.engine import Engine
from syncsite.tests.processes import wait_for

WARM_UP = 8  # Syncs for each process.
SAMPLE_SECONDS = 0.25
MIDST = (0.2, 0.8)  # Of all steps: neither the start nor the end, when some have nothing to do.


@dataclass(frozen=True)
class Load:
    """Of the worker processes alone; `calling` is the mean number of calls under way."""

    name: str
    syncs_per_second: float
    cpu_per_sync: float
    megabytes: float
    calling: float

    @property
    def seconds_per_sync(self) -> float:
        return 1 / self.syncs_per_second

    @property
    def megabytes_per_100(self) -> float:
        return 100 * self.megabytes / self.calling


def measure(bench: Bench, engine: Engine, syncs: int, seconds: float = 0) -> Load:
    """`seconds` is what the CRM takes for a call."""
    with bench.running(engine.commands, engine.environment) as processes:
        wait_for(engine.is_ready)
        warm_up = WARM_UP * engine.processes
        engine.submit(warm_up)
        wait_for(lambda: engine.count_steps() >= STEPS * warm_up)
        engine.submit(syncs)
        running = processes.running.items()
        pids = [process.pid for name, process in running if name.startswith("worker")]
        first, last = (STEPS * (warm_up + int(part * syncs)) for part in MIDST)
        load = _watch(engine, pids, first, last, seconds)
        wait_for(lambda: engine.count_steps() >= STEPS * (warm_up + syncs))
    engine.check(warm_up + syncs)
    return load


def _watch(engine: Engine, pids: Sequence[int], first: int, last: int, seconds: float) -> Load:
    wait_for(lambda: engine.count_steps() >= first)
    began, before, spent = time.monotonic(), engine.count_steps(), gauge.cpu_seconds(pids)
    megabytes, calling = [], []
    while engine.count_steps() < last:
        megabytes.append(gauge.megabytes(pids))
        if engine.count_calling:
            calling.append(engine.count_calling())
        time.sleep(SAMPLE_SECONDS)
    syncs = (engine.count_steps() - before) / STEPS
    rate = syncs / (time.monotonic() - began)
    return Load(
        name=engine.name,
        syncs_per_second=rate,
        cpu_per_sync=(gauge.cpu_seconds(pids) - spent) / syncs,
        megabytes=mean(megabytes),
        # By Little's law where nobody counted.
        calling=mean(calling) if calling else rate * STEPS * seconds,
    )
