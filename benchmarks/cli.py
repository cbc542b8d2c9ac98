"""What all programs start with. Import it first: it sets Django up for the imports that follow."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # It was the folder of the program.

import django  # noqa: E402

from syncsite.tests.processes import free_port  # noqa: E402

FOLDER = tempfile.TemporaryDirectory(prefix="syncsite-benchmark-")
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    "DATABASE_URL": f"postgres://postgres@127.0.0.1:{free_port()}/postgres",
    "REDIS_URL": f"unix://{FOLDER.name}/valkey.sock?db=0",
    "CACHE_URL": f"unix://{FOLDER.name}/valkey.sock?db=1",
    "PUBLIC_URL": "http://localhost",
    "ALLOWED_HOSTS": "localhost,127.0.0.1",
    "LOG_LEVEL": "WARNING",
}
django.setup()

from django.core.management import call_command  # noqa: E402

from benchmarks.services import Services  # noqa: E402

Main = Callable[[argparse.Namespace, Services], bool]


def parser(description: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the logs of all processes")
    return made


def run(main: Main, options: argparse.Namespace) -> None:
    """Ends with 1 unless `main` says that every goal is met."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # What was started must be ended.
    with FOLDER, Services(Path(FOLDER.name), options.logs) as services:
        call_command("migrate", verbosity=0)
        is_good = main(options, services)
    sys.exit(0 if is_good else 1)
