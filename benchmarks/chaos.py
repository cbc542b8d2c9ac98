#!/usr/bin/env python
"""Kills, freezes and cuts off everything at random while people sync, and counts what went wrong.

    python benchmarks/chaos.py --seeds 5

Runs the processes of the Procfile against a CRM that notices no duplicate, then against one that
answers nobody for a while. Ends with 1 unless every figure that must be zero is zero.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence

import cli

from benchmarks.lab import outage
from benchmarks.lab.people import Observations
from benchmarks.lab.stack import Stack
from benchmarks.lab.trial import Trial
from benchmarks.lab.verdict import Verdict
from benchmarks.results import console, print_table
from benchmarks.services import Services, environment

PARTS = ["faults", "outage"]
PROCESSES = {"web": 2, "worker": 4, "dispatcher": 2}
USERS = 20
PLAN = {
    "kill": 40,
    "restart workers": 5,
    "kill redis": 2,
    "hang redis": 1,
    "empty redis": 1,
    "fill redis": 1,
    "freeze worker": 1,
    "restart database": 1,
}


def main(options: argparse.Namespace, services: Services) -> bool:
    seeds = range(options.seed, options.seed + options.seeds)
    parts = {
        "faults": lambda seed: _run(seed, options, services),
        "outage": lambda seed: _run_outage(seed, services),
    }
    judged = [_judge([parts[name](seed) for seed in seeds]) for name in options.only]
    return all(judged)


def _judge(verdicts: Sequence[Verdict]) -> bool:
    heads = [f"seed {verdict.seed}" for verdict in verdicts]
    print_table("Totals", heads, _columns([verdict.totals for verdict in verdicts]))
    print_table("Must be zero", heads, _columns([verdict.violations for verdict in verdicts]))
    return all(verdict.is_faultless for verdict in verdicts)


def _run(seed: int, options: argparse.Namespace, services: Services) -> Verdict:
    services.empty()
    folder = services.logs / f"seed-{seed}"
    folder.mkdir()
    threads = {"SYNC_THREADS_PER_WORKER": str(options.threads)}
    with Stack(folder, environment() | threads, PROCESSES) as stack:
        verdict, seen = Trial(seed, USERS, options.syncs, PLAN).run(stack, services.postgres)
    _explain(seen)
    return verdict


def _run_outage(seed: int, services: Services) -> Verdict:
    services.empty()
    folder = services.logs / f"outage-{seed}"
    folder.mkdir()
    with Stack(folder, environment() | outage.OUTAGE_ENVIRONMENT, PROCESSES) as stack:
        totals, violations = outage.run(stack, seed)
    return Verdict(seed, totals, violations)


def _explain(seen: Observations) -> None:
    for line in [*seen.unexpected, *seen.backward, *(text for _, text in seen.server_errors)]:
        console.print(line, markup=False)


def _columns(runs: Sequence[Mapping[str, float]]) -> Iterator[Sequence[object]]:
    return ((name, *(run[name] for run in runs)) for name in runs[0])


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many runs")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the first run")
    parser.add_argument("--only", nargs="+", default=PARTS, choices=PARTS, metavar="PART")
    parser.add_argument("--syncs", type=int, default=500, metavar="N", help="in each run")
    parser.add_argument("--threads", type=int, default=16, metavar="N", help="of each worker")
    cli.run(main, parser.parse_args())
