#!/usr/bin/env python
"""What a sync costs on its way through the engine, beside RQ, Celery and Sidekiq.

    python benchmarks/pipeline.py [--only overhead waiting latency enqueue] [--crm-seconds 0.3] …

Runs on a PostgreSQL and a Valkey of its own. Celery (`pip install celery`) and Sidekiq (Debian's
ruby-sidekiq) are measured where they are installed. Ends with 1 if a goal is missed.
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

folder = tempfile.TemporaryDirectory(prefix="syncsite-pipeline-")
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.pipes.settings"
os.environ["DATABASE_URL"] = f"postgres://postgres@127.0.0.1:{free_port()}/postgres"
os.environ["REDIS_URL"] = f"unix://{folder.name}/valkey.sock?db=0"
django.setup()

from benchmarks.pipes.report import main  # noqa: E402 - what it imports needs the settings

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # What was started must be ended.
    with folder:
        sys.exit(main(Path(folder.name)))
