#!/usr/bin/env python
"""What a status poll costs: the product beside usual and bare servers that do the same.

    pip install --group benchmarks
    python benchmarks/polling.py

Runs the `web` line of the Procfile and the others one after the other, round by round. The load
comes from wrk where that is installed, else from threads of Python, which are slower than some
servers. Ends with 1 if a goal is missed or an answer is wrong.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median

import cli

from benchmarks.polls.candidates import CANDIDATES
from benchmarks.polls.client import CONNECTIONS, WrongAnswersError, generator
from benchmarks.polls.rounds import COPIES_DATABASE, Measure, Rounds
from benchmarks.polls.rows import make_rows, write_copies
from benchmarks.results import Goal, console, print_goals, print_table
from benchmarks.services import Services

HEADS = ("requests/s", "CPU ms/1000", "p50 ms", "p99 ms", "MB")
CPU = "cpu_ms_per_1000"
# What of ours may be at most how many times which figure of whom.
GOALS = [
    ("CPU beside naive DRF", "ours", CPU, 0.25, "naive DRF", CPU),
    ("CPU beside bare Django", "ours", CPU, 1.0, "bare Django", CPU),
    ("CPU beside FastAPI", "ours", CPU, 0.8, "FastAPI", CPU),
    ("CPU beside FastAPI, memo", "ours", CPU, 1.0, "FastAPI, memo", CPU),
    ("CPU of a 304 of /sync beside a poll", "ours, 304 of /sync", CPU, 1.0, "ours", CPU),
    ("p99 beside p50", "ours", "p99_ms", 3.0, "ours", "p50_ms"),
    ("memory beside bare Django", "ours", "megabytes", 1.3, "bare Django", "megabytes"),
]
Measures = Mapping[str, Sequence[Measure]]


def main(options: argparse.Namespace, services: Services) -> bool:
    polled = make_rows()
    write_copies(services.redis(COPIES_DATABASE), polled)
    chosen = [candidate for candidate in CANDIDATES if candidate.name in options.only]
    rounds = Rounds(services, polled, options.rounds, options.seconds)
    try:
        with console.status("") as status:
            measures = rounds.measure(chosen, status.update)
    except WrongAnswersError as error:
        console.print(f"Wrong answers: {error}", style="red", markup=False)
        return False
    rows = [(name, *_medians(taken)) for name, taken in measures.items()]
    print_table(f"{CONNECTIONS} connections of {generator()}, one process", HEADS, rows)
    return print_goals(_goals(measures))


def _medians(taken: Sequence[Measure]) -> list[float]:
    return [median(figures) for figures in zip(*(asdict(it).values() for it in taken), strict=True)]


def _goals(measures: Measures) -> list[Goal]:
    return [
        Goal(text, _ratio(measures[mine], figure, measures[theirs], their), limit)
        for text, mine, figure, limit, theirs, their in GOALS
        if {mine, theirs} <= measures.keys()
    ]


def _ratio(mine: Sequence[Measure], figure: str, theirs: Sequence[Measure], their: str) -> float:
    """The median of the rounds, so that what hit both in one round does not count."""
    pairs = zip(mine, theirs, strict=True)
    return median(getattr(a, figure) / getattr(b, their) for a, b in pairs)


if __name__ == "__main__":
    names = [candidate.name for candidate in CANDIDATES]
    parser = cli.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--seconds", type=int, default=3, metavar="N", help="of each measurement")
    parser.add_argument("--only", nargs="+", default=names, choices=names, metavar="NAME")
    cli.run(main, parser.parse_args())
