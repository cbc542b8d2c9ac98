"""What a sync costs beside the CRM: one worker process, a CRM that answers at once."""

from collections.abc import Sequence
from operator import attrgetter

from benchmarks.pipes import alone, ours
from benchmarks.pipes.bench import Bench
from benchmarks.pipes.engine import Engine
from benchmarks.pipes.goal import Goal, at_most
from benchmarks.pipes.load import Load, measure

LIMIT = 1.5  # Times what RQ alone takes.
THREADS = 16
ROUNDS = 2  # Of each the faster one counts: others use the machine, too.


def run(bench: Bench) -> tuple[Sequence[Load], Sequence[Goal]]:
    engines = _engines(bench)
    rounds = [[measure(bench, engine, n) for engine, n in engines] for _ in range(ROUNDS)]
    loads = [min(found, key=attrgetter("seconds_per_sync")) for found in zip(*rounds, strict=True)]
    threads, _, processes, rq, *_ = loads
    return loads, [_goal(threads, rq), _goal(processes, rq)]


def _engines(bench: Bench) -> Sequence[tuple[Engine, int]]:
    """Each with the number of its syncs."""
    return [
        (ours.with_threads(THREADS), 250),
        (ours.with_threads(1), 150),
        (ours.with_a_process_per_job(), 50),
        (alone.rq(bench, "RQ alone, a process per job"), 60),
        (alone.rq(bench, "RQ alone, one after the other", "rq.SimpleWorker"), 150),
        (alone.rq(bench, "RQ alone, our threads", "crmsync.worker.ThreadWorker"), 150),
    ]


def _goal(load: Load, rq: Load) -> Goal:
    figure = load.seconds_per_sync / rq.seconds_per_sync
    return at_most(LIMIT, f"time: {load.name} ÷ RQ alone", figure, "×")
