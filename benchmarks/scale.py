#!/usr/bin/env python
"""Measures what people and machines wait for, with few rows and with a hundred times as many.

    python benchmarks/scale.py

Builds two databases and asks in process. Ends with 1 if anything takes more than twice as long in
the large one.
"""

import argparse
import time
from statistics import median

import cli
from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.growth.database import Size, choose, make
from benchmarks.growth.measures import Measure, measures
from benchmarks.results import console, print_table
from benchmarks.services import Services

LIMIT = 2.0
NEGLIGIBLE = 3.0  # Milliseconds, below which a ratio says nothing.
ROUNDS = 5
HEADS = ("ms small", "ms large", "ratio", "queries", f"at most {LIMIT:.0f} ×")
Timing = tuple[float, int]  # Milliseconds, and the number of queries.


def main(options: argparse.Namespace, services: Services) -> bool:
    few, many = options.meetings // 100, options.meetings
    sizes = [Size("small", few, few // 2), Size("large", many, many * 6 // 100)]
    for size in sizes:
        make(size)
        console.print(f"{size.name}: {size.meetings:,} meetings")
    small, large = (_measure_all(size) for size in sizes)
    rows = [_compare(what, small[what], large[what]) for what in small]
    print_table("", HEADS, rows)
    return all(row[-1] == "met" for row in rows)


def _measure_all(size: Size) -> dict[str, Timing]:
    choose(size.name)
    return {measure.what: _measure(measure) for measure in measures(size)}


def _measure(measure: Measure) -> Timing:
    measure.before()
    with CaptureQueriesContext(connection) as warm_up:
        measure.call()
    queries = len(warm_up)  # The next request clears the log.
    return 1000 * median(_seconds(measure) for _ in range(ROUNDS)), queries


def _seconds(measure: Measure) -> float:
    measure.before()
    start = time.perf_counter()
    measure.call()
    return time.perf_counter() - start


def _compare(what: str, small: Timing, large: Timing) -> tuple[str, float, float, float, int, str]:
    ratio = large[0] / small[0]
    is_negligible = max(small[0], large[0]) < NEGLIGIBLE
    verdict = "met" if is_negligible or ratio <= LIMIT else "missed"
    return what, small[0], large[0], ratio, large[1], verdict


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--meetings", type=int, default=1_000_000, metavar="N", help="of the large database"
    )
    cli.run(main, parser.parse_args())
