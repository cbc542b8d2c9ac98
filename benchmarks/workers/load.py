"""Gives an engine many syncs at once and measures while it is in the midst of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

from benchmarks.procfs import cpu_seconds, megabytes
from benchmarks.services import Services
from benchmarks.workers.rq_jobs import STEPS
from syncsite.tests.processes import wait_for

WARM_UP = 8  # Syncs for each process.
SAMPLE_SECONDS = 0.25
MIDST = (0.2, 0.8)  # Of all steps: neither the start nor the end, when some have nothing to do.


@dataclass(frozen=True)
class Engine:
    """What performs syncs of three steps each; not all keep count of the steps in flight."""

    name: str
    commands: Mapping[str, str]  # Of which the workers' names begin with worker.
    submit: Callable[[int], None]
    count_steps: Callable[[], int]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], bool] = lambda: True
    count_in_flight: Callable[[], int] | None = None
    check: Callable[[int], None] = lambda count: None


@dataclass(frozen=True)
class Load:
    """Of the worker processes alone; the last two are means over the time."""

    name: str
    syncs_per_second: float
    cpu_ms: float  # For each sync.
    megabytes: float
    in_flight: float

    @property
    def megabytes_per_100(self) -> float:
        return 100 * self.megabytes / self.in_flight


def measure(services: Services, engine: Engine, syncs: int, seconds: float = 0) -> Load:
    """`seconds` is what the CRM takes for a call."""
    services.empty()
    with services.running(engine.commands, engine.environment, engine.is_ready) as processes:
        running = processes.running.items()
        pids = [process.pid for name, process in running if name.startswith("worker")]
        warm_up = WARM_UP * len(pids)
        engine.submit(warm_up)
        wait_for(lambda: engine.count_steps() >= STEPS * warm_up)
        engine.submit(syncs)
        first, last = (STEPS * (warm_up + int(part * syncs)) for part in MIDST)
        load = _watch(engine, pids, first, last, seconds)
        wait_for(lambda: engine.count_steps() >= STEPS * (warm_up + syncs))
    engine.check(warm_up + syncs)
    return load


def _watch(engine: Engine, pids: Sequence[int], first: int, last: int, seconds: float) -> Load:
    wait_for(lambda: engine.count_steps() >= first)
    began, before, spent = time.monotonic(), engine.count_steps(), cpu_seconds(pids)
    memory, in_flight = [], []
    while engine.count_steps() < last:
        memory.append(megabytes(pids))
        if engine.count_in_flight:
            in_flight.append(engine.count_in_flight())
        time.sleep(SAMPLE_SECONDS)
    syncs = (engine.count_steps() - before) / STEPS
    rate = syncs / (time.monotonic() - began)
    return Load(
        name=engine.name,
        syncs_per_second=rate,
        cpu_ms=1000 * (cpu_seconds(pids) - spent) / syncs,
        megabytes=mean(memory),
        # By Little's law where nobody counted.
        in_flight=mean(in_flight) if in_flight else rate * STEPS * seconds,
    )
