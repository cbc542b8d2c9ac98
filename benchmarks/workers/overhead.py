"""What a sync costs beside the CRM: one worker process, a CRM that answers at once."""

from operator import attrgetter

from benchmarks.results import Goal, print_table
from benchmarks.services import Services
from benchmarks.workers import durable, ours, rivals
from benchmarks.workers.load import Engine, Load, measure

LIMIT = 2.5  # Times what RQ alone takes.
THREADS = 16
ROUNDS = 2  # Of each the faster one counts: others use the machine, too.
HEADS = ("syncs/s", "ms/sync", "CPU ms/sync")


def run(services: Services) -> list[Goal]:
    engines = _engines(services)
    rounds = [[measure(services, engine, n) for engine, n in engines] for _ in range(ROUNDS)]
    loads = [max(taken, key=attrgetter("syncs_per_second")) for taken in zip(*rounds, strict=True)]
    rows = [(it.name, it.syncs_per_second, 1000 / it.syncs_per_second, it.cpu_ms) for it in loads]
    print_table("One worker process, the CRM answers at once", HEADS, rows)
    our_threads, our_forks, rq_threads, rq_forks = loads[:4]
    return [_cpu(our_threads, rq_threads), _cpu(our_forks, rq_forks)]


def _engines(services: Services) -> list[tuple[Engine, int]]:
    """Each with the number of its syncs."""
    return [
        (ours.with_threads(THREADS), 250),
        (ours.with_a_process_per_job(), 50),
        (rivals.rq(services, "RQ alone, our threads", "crmsync.worker.ThreadWorker"), 150),
        (rivals.rq(services, "RQ alone, a process per job"), 60),
        *((engine, 250) for engine in durable.engines(services, THREADS)),
    ]


def _cpu(load: Load, rq: Load) -> Goal:
    """Each beside RQ alone in the very same kind of worker."""
    return Goal(f"CPU: {load.name} ÷ {rq.name}", load.cpu_ms / rq.cpu_ms, LIMIT)
