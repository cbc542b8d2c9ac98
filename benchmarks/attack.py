#!/usr/bin/env python
"""What everybody else notices while somebody attacks: silent clients, slow CRMs, endless syncs.

    python benchmarks/attack.py

Runs the processes of the Procfile, sends to this machine alone, and prints each figure beside its
limit. Ends with 1 if one is exceeded.
"""

import argparse

import cli

from benchmarks.hostile import front, syncs
from benchmarks.results import print_goals
from benchmarks.services import PROCFILE, Services, http_status
from syncsite.tests.processes import free_port

STEP_SECONDS = 30.0
PARTS = ["front", "waiting", "workers"]


def main(options: argparse.Namespace, services: Services) -> bool:
    port = free_port()
    variables = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "ALLOW_PRIVATE_CRM_HOSTS": "1",
        "SANDBOX_FAULTS": "1",
        "SYNC_STEP_SECONDS": str(STEP_SECONDS),
        "SYNC_RETRY_DELAYS": "1",
        "THROTTLE_AUTHENTICATE_EMAIL": "1000/min",
    }
    commands = {name: PROCFILE[name] for name in ("web", "worker", "dispatcher")}
    with services.running(commands, variables, lambda: http_status(port, "/readyz") == 200):
        parts = {
            "front": lambda: front.attack(port),
            "waiting": lambda: syncs.grow(port),
            "workers": lambda: syncs.hold_workers(STEP_SECONDS),
        }
        goals = [goal for name in options.only for goal in parts[name]()]
    return print_goals(goals)


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--only", nargs="+", default=PARTS, choices=PARTS, metavar="PART")
    cli.run(main, parser.parse_args())
