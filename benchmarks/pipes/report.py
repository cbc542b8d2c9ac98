"""Runs all measurements and says what they came to."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.pipes import enqueue, latency, overhead, waiting
from benchmarks.pipes.bench import Bench, open_bench
from benchmarks.pipes.enqueue import Sending
from benchmarks.pipes.goal import Goal
from benchmarks.pipes.latency import Delay
from benchmarks.pipes.load import Load

WIDTH = 110
PARTS = ("overhead", "waiting", "latency", "enqueue")


def main(folder: Path) -> int:
    options = _parse()
    report = Report(Console(width=WIDTH), options.crm_seconds)
    with open_bench(folder) as bench:
        for part in options.only or PARTS:
            getattr(report, part)(bench)
    report.print_goals()
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2))
    return 0 if all(goal.is_met for goal in report.goals) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a sync costs on its way through the engine")
    parser.add_argument("--only", nargs="+", choices=PARTS)
    parser.add_argument("--crm-seconds", type=float, default=0.3, help="what a call takes")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


class Report:
    def __init__(self, console: Console, crm_seconds: float) -> None:
        self.console = console
        self.crm_seconds = crm_seconds
        self.figures: dict[str, list[Load] | list[Delay] | list[Sending]] = {}
        self.goals: list[Goal] = []

    def overhead(self, bench: Bench) -> None:
        loads, goals = overhead.run(bench)
        self.figures["overhead"] = list(loads)
        self.goals += goals
        table = _table(
            "One worker process, the CRM answers at once", "syncs/s", "ms/sync", "CPU ms"
        )
        for load in loads:
            milliseconds = 1000 * load.seconds_per_sync, 1000 * load.cpu_per_sync
            table.add_row(load.name, f"{load.syncs_per_second:.1f}", *map(_whole, milliseconds))
        self.console.print(table)

    def waiting(self, bench: Bench) -> None:
        loads = waiting.run(bench, self.crm_seconds)
        self.figures["waiting"] = loads
        self.console.print(_waiting_table(loads, self.crm_seconds), NOTES)

    def latency(self, bench: Bench) -> None:
        delays = latency.run(bench)
        self.figures["latency"] = delays
        self.goals += [delay.goal for delay in delays]
        table = _table(f"{latency.SYNCS} syncs, one after the other", "median ms", "90 % ms")
        for delay in delays:
            table.add_row(delay.name, f"{delay.median:.1f}", f"{delay.slow:.1f}")
        self.console.print(table)

    def enqueue(self, bench: Bench) -> None:
        sent = enqueue.run(bench)
        self.figures["enqueue"] = sent
        self.goals.append(enqueue.goal(*sent))
        table = _table("Hints sent by one process", "peak MB", "seconds")
        for sending in sent:
            table.add_row(f"{sending.hints:,}", _whole(sending.megabytes), f"{sending.seconds:.1f}")
        self.console.print(table)

    def print_goals(self) -> None:
        table = _table("Goals", "figure", "goal", "")
        for goal in self.goals:
            figure, limit = (f"{number:.3g} {goal.unit}" for number in (goal.figure, goal.limit))
            table.add_row(goal.name, figure, f"≤ {limit}", "met" if goal.is_met else "missed")
        self.console.print(table)

    def as_json(self) -> dict[str, object]:
        figures = {part: [asdict(each) for each in found] for part, found in self.figures.items()}
        goals = [{**asdict(goal), "met": goal.is_met} for goal in self.goals]
        return {**figures, "goals": goals}


NOTES = """\
In flight: tries that have begun and not ended; for Celery and Sidekiq, which write nothing to a
database, steps a second × the seconds of a call. Memory (PSS) and CPU are those of the workers
alone; that of a process per job is scaled up from the few that fit on this machine.
"""


def _waiting_table(loads: Sequence[Load], seconds: float) -> Table:
    title = f"The CRM takes {1000 * seconds:.0f} ms for each of three calls"
    heads = ("syncs/s", "CPU ms/sync", "MB", "in flight", "MB per 100", "speed", "memory")
    table = _table(title, *heads)
    base = loads[0]
    for load in loads:
        table.add_row(
            load.name,
            f"{load.syncs_per_second:.1f}",
            _whole(1000 * load.cpu_per_sync),
            *map(_whole, (load.megabytes, load.calling, load.megabytes_per_100)),
            f"{load.syncs_per_second / base.syncs_per_second:.1f} ×",
            f"{load.megabytes_per_100 / base.megabytes_per_100:.3f} ×",
        )
    return table


def _table(title: str, *heads: str) -> Table:
    table = Table("", title=title, title_justify="left")
    for head in heads:
        table.add_column(head, justify="right")
    return table


def _whole(number: float) -> str:
    return f"{number:.0f}"
