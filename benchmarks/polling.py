#!/usr/bin/env python
"""What a status poll costs: the product beside a usual, a bare Django, a WSGI and a FastAPI server.

    pip install --group benchmarks
    python benchmarks/polling.py [--processes 1 2] [--servers] [--meetings 1000000] …

Runs the `web` line of the Procfile and its rivals one after the other, round by round, on a
PostgreSQL and a Valkey of its own. Checks every answer; ends with 1 if any is wrong. The load comes
from wrk where that is installed, else from threads of Python, which are slower than some servers.
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

folder = tempfile.TemporaryDirectory(prefix="syncsite-polling-")
os.environ["DJANGO_SETTINGS_MODULE"] = "syncsite.settings"
os.environ["DATABASE_URL"] = f"postgres://postgres@127.0.0.1:{free_port()}/postgres"
os.environ["REDIS_URL"] = f"unix://{folder.name}/valkey.sock?db=0"
os.environ.pop("CACHE_URL", None)
django.setup()

from benchmarks.polls.report import main  # noqa: E402 - what it imports needs the settings

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # What was started must be ended.
    with folder:
        sys.exit(main(Path(folder.name)))
