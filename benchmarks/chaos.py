#!/usr/bin/env python
"""Kills, freezes and cuts off everything at random while people sync, and counts what went wrong.

    python benchmarks/chaos.py [--seeds 5] [--sqlite] …

Runs the processes of the Procfile on a PostgreSQL and a Valkey of its own against a CRM that
notices no duplicate. Prints a table; ends with 1 unless every figure that must be zero is zero.
"""

import os
import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

import django  # noqa: E402

from syncsite.tests.processes import free_port  # noqa: E402

folder = tempfile.TemporaryDirectory(prefix="syncsite-chaos-")
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.lab.settings"
os.environ["DATABASE_URL"] = (
    f"sqlite:///{folder.name}/chaos.sqlite3"
    if "--sqlite" in sys.argv
    else f"postgres://postgres@127.0.0.1:{free_port()}/postgres"
)
django.setup()

from benchmarks.lab.report import main  # noqa: E402 - what it imports needs the settings

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # What was started must be ended.
    with folder:
        sys.exit(main(Path(folder.name)))
