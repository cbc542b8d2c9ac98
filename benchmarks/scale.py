#!/usr/bin/env python
"""Measures what people and machines wait for, with few rows and with a hundred times as many.

    python benchmarks/scale.py [--meetings 1000000] [--json FILE]

Builds two databases on a PostgreSQL of its own, beside a Valkey of its own, and asks in process.
Prints a table; ends with 1 if anything takes more than twice as long in the large one.
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

folder = tempfile.TemporaryDirectory(prefix="syncsite-scale-")
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "syncsite.settings",
    "DATABASE_URL": f"postgres://postgres@127.0.0.1:{free_port()}/postgres",
    "REDIS_URL": f"unix://{folder.name}/valkey.sock?db=0",
    "CACHE_URL": f"unix://{folder.name}/valkey.sock?db=1",
    "PUBLIC_URL": "http://localhost",
    "ALLOWED_HOSTS": "localhost",
    "LOG_LEVEL": "WARNING",
}
django.setup()

from benchmarks.growth.report import main  # noqa: E402 - what it imports needs the settings

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # What was started must be ended.
    with folder:
        sys.exit(main(Path(folder.name)))
