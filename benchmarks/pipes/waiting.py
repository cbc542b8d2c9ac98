"""What many syncs cost that wait for the CRM at the same time."""

from collections.abc import Iterator

from benchmarks.pipes import alone, ours
from benchmarks.pipes.bench import Bench
from benchmarks.pipes.engine import Engine
from benchmarks.pipes.load import Load, measure

THREADS = 64
PROCESSES = 8


def run(bench: Bench, seconds: float) -> list[Load]:
    """The first one is what the others are compared with; `seconds` is what a call takes."""
    return [measure(bench, engine, syncs, seconds) for engine, syncs in _engines(bench, seconds)]


def _engines(bench: Bench, seconds: float) -> Iterator[tuple[Engine, int]]:
    yield ours.with_a_process_per_job(seconds, PROCESSES), 60
    yield ours.with_threads(THREADS, seconds), 250
    yield ours.with_threads(THREADS, seconds, processes=2), 350
    celery = alone.celery(bench, THREADS, seconds)
    sidekiq = alone.sidekiq(bench, THREADS, seconds)
    for engine in (celery, sidekiq):
        if engine is not None:
            yield engine, 400
