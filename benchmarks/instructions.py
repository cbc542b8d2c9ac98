#!/usr/bin/env python
"""Where the instructions of a status poll go, counted by callgrind, so that they repeat.

    apt install valgrind
    python benchmarks/instructions.py

Times differ from run to run by a tenth, these counts by a hundredth. Without the front in the event
loop: valgrind runs one thread at a time, so what changing threads costs would not be true.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping

import cli

from benchmarks.polls.pieces import OUTPUT
from benchmarks.polls.rows import make_rows
from benchmarks.results import print_table
from benchmarks.services import Services, environment

CALLGRIND = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={OUTPUT}")
PIECES = (sys.executable, "-m", "benchmarks.polls.pieces")
# Each piece without those that it contains.
ROWS = {
    "Django's handler and the middleware": ("django", "urls", "view"),
    "finding the view": ("urls",),
    "DRF's dispatch and the action": ("view", "authentication"),
    "the token and the user": ("authentication", "redis"),
    "asking Redis": ("redis",),
}


def main(options: argparse.Namespace, services: Services) -> bool:
    polled = make_rows()[0]
    output = subprocess.check_output(  # noqa: S603
        [*CALLGRIND, *PIECES, str(polled.meeting_id), polled.token],
        cwd=services.folder,
        env={**environment(), "DJANGO_SETTINGS_MODULE": "syncsite.settings"},
        text=True,
        stderr=subprocess.DEVNULL,
    )
    counts = {name: float(count) for name, count in map(str.split, output.splitlines())}
    rows = [(text, _without_inner(counts, *names)) for text, names in ROWS.items()]
    print_table("A status poll", ("k instructions",), [*rows, ("all", counts["django"])])
    return True


def _without_inner(counts: Mapping[str, float], whole: str, *inner: str) -> float:
    return counts[whole] - sum(counts[name] for name in inner)


if __name__ == "__main__":
    cli.run(main, cli.parser(__doc__).parse_args())
