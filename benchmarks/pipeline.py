#!/usr/bin/env python
"""What a sync costs on its way through the engine, beside RQ alone and Celery.

    python benchmarks/pipeline.py

Celery and procrastinate are measured where they are installed. Ends with 1 if a goal is missed.
"""

import argparse

import cli

from benchmarks.results import print_goals
from benchmarks.services import Services
from benchmarks.workers import backlog, concurrency, enqueue, latency, overhead, statements

PARTS = {
    "overhead": overhead.run,
    "concurrency": concurrency.run,
    "latency": latency.run,
    "enqueue": enqueue.run,
    "statements": statements.run,
    "backlog": backlog.run,
}
SHORT = [part for part in PARTS if part != "backlog"]  # That one takes a quarter of an hour.


def main(options: argparse.Namespace, services: Services) -> bool:
    return print_goals([goal for part in options.only for goal in PARTS[part](services)])


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=SHORT)
    cli.run(main, parser.parse_args())
