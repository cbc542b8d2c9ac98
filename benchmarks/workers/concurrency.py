"""What many syncs cost that wait for the CRM at the same time."""

from collections.abc import Iterator
from importlib.util import find_spec

from benchmarks.results import Goal, console, print_table
from benchmarks.services import Services
from benchmarks.workers import ours, rivals
from benchmarks.workers.load import Engine, measure

CRM_SECONDS = 0.3  # For each call.
THREADS = 64
PROCESSES = 8
HEADS = ("syncs/s", "CPU ms/sync", "MB", "in flight", "MB per 100", "speed", "memory")
NOTES = """\
In flight: tries that have begun and not ended; for Celery, which writes nothing to a database,
steps a second × the seconds of a call. Memory (PSS) and CPU are those of the workers alone; that
of a process per job is scaled up from the few that fit on this machine.
"""


def run(services: Services) -> list[Goal]:
    loads = [measure(services, engine, syncs, CRM_SECONDS) for engine, syncs in _engines(services)]
    base = loads[0]
    rows = [
        (
            *(it.name, it.syncs_per_second, it.cpu_ms, it.megabytes, it.in_flight),
            it.megabytes_per_100,
            it.syncs_per_second / base.syncs_per_second,
            it.megabytes_per_100 / base.megabytes_per_100,
        )
        for it in loads
    ]
    print_table(f"The CRM takes {CRM_SECONDS} s for each of three calls", HEADS, rows)
    console.print(NOTES)
    return []


def _engines(services: Services) -> Iterator[tuple[Engine, int]]:
    """Each with the number of its syncs. The first is what the others are compared with."""
    yield ours.with_a_process_per_job(CRM_SECONDS, PROCESSES), 60
    yield ours.with_threads(THREADS, CRM_SECONDS), 250
    yield ours.with_threads(THREADS, CRM_SECONDS, processes=2), 350
    if find_spec("celery"):
        yield rivals.celery(services, THREADS, CRM_SECONDS), 400
