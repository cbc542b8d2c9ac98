#!/usr/bin/env python
"""What a status poll costs: the product beside usual and bare servers that do the same.

    pip install --group benchmarks; apt install wrk
    python benchmarks/polling.py

Runs the `web` line of the Procfile and the others one after the other, round by round. Ends with 1
if a goal is missed or an answer is wrong.
"""

import argparse
from collections.abc import Mapping, Sequence
from statistics import median

import cli

from benchmarks.polls.candidates import CANDIDATES
from benchmarks.polls.client import WrongAnswersError
from benchmarks.polls.rounds import COPIES_DATABASE, Measure, measure
from benchmarks.polls.rows import make_rows, write_copies
from benchmarks.results import Goal, console, print_goals, print_table
from benchmarks.services import Services

CPU = "CPU ms/1000"
# What of ours may be at most how many times which figure of whom.
GOALS = [
    ("CPU beside naive DRF", "ours", CPU, 0.25, "naive DRF", CPU),
    ("CPU beside bare Django, same front", "ours", CPU, 1.1, "bare Django, our front", CPU),
    ("CPU beside bare Django", "ours", CPU, 1.0, "bare Django", CPU),
    ("CPU beside Rails", "ours", CPU, 0.25, "Rails", CPU),
    ("CPU beside FastAPI", "ours", CPU, 0.8, "FastAPI", CPU),
    ("CPU beside FastAPI, memo", "ours", CPU, 1.0, "FastAPI, memo", CPU),
    ("CPU beside WSGI", "ours", CPU, 1.4, "ours under WSGI", CPU),
    ("CPU of a 304 of /sync beside a poll", "ours, 304 of /sync", CPU, 1.0, "ours", CPU),
    *(
        (f"p99 beside p50: {name}", name, "p99 ms", 3.0, name, "p50 ms")
        for name in ("ours, 1 connection", "ours", "ours, 32 connections")
    ),
    ("memory beside bare Django", "ours", "MB", 1.5, "bare Django", "MB"),
]
Measures = Mapping[str, Sequence[Measure]]  # One of each candidate in each round.


def main(options: argparse.Namespace, services: Services) -> bool:
    try:
        measures = _measure_all(options, services)
    except WrongAnswersError as error:
        console.print(f"Wrong answers: {error}", style="red", markup=False)
        return False
    heads = list(measures[options.only[0]][0])
    rows = [
        (name, *(median(figures[head] for figures in taken) for head in heads))
        for name, taken in measures.items()
    ]
    print_table("One process, 8 connections unless said", heads, rows)
    return print_goals(_goals(measures))


def _measure_all(options: argparse.Namespace, services: Services) -> Measures:
    polled = make_rows()
    write_copies(services.redis(COPIES_DATABASE), polled)
    measures: dict[str, list[Measure]] = {name: [] for name in options.only}
    for _ in range(options.rounds):
        for name, taken in measures.items():
            taken.append(measure(services, CANDIDATES[name], polled, options.seconds))
    return measures


def _goals(measures: Measures) -> list[Goal]:
    return [
        Goal(text, _ratio(measures[mine], figure, measures[theirs], their), limit)
        for text, mine, figure, limit, theirs, their in GOALS
        if {mine, theirs} <= measures.keys()
    ]


def _ratio(mine: Sequence[Measure], figure: str, theirs: Sequence[Measure], their: str) -> float:
    """The median of the rounds, so that what hit both in one round does not count."""
    return median(a[figure] / b[their] for a, b in zip(mine, theirs, strict=True))


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--seconds", type=int, default=3, metavar="N", help="of each measurement")
    parser.add_argument(
        "--only", nargs="+", default=list(CANDIDATES), choices=CANDIDATES, metavar="NAME"
    )
    cli.run(main, parser.parse_args())
