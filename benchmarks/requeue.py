#!/usr/bin/env python
"""What putting back ten times as many failed syncs costs in memory and in time for each.

    python benchmarks/requeue.py [--syncs 10000]

Uses a SQLite database and a Valkey of its own, and no pace (`--rate`), so that time is work.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

import django  # noqa: E402

folder = tempfile.TemporaryDirectory(prefix="syncsite-requeue-")
os.environ["DJANGO_SETTINGS_MODULE"] = "syncsite.settings"
os.environ["DATABASE_URL"] = f"sqlite:///{folder.name}/requeue.sqlite3"
os.environ["REDIS_URL"] = f"unix://{folder.name}/valkey.sock?db=0"
django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import User  # noqa: E402
from crmsync.models import Connection, SyncRun  # noqa: E402
from crmsync.providers.sandbox import CONNECTION  # noqa: E402
from meetings.models import Meeting  # noqa: E402
from syncsite.demo.valkey import EmbeddedValkey  # noqa: E402


def make_failed_syncs(count: int) -> None:
    now = timezone.now()
    ends_at = now + timedelta(hours=1)
    call_command("flush", interactive=False, verbosity=0)
    user = User.objects.create(email="ann@example.com")
    connection = Connection.objects.create(user=user, **CONNECTION)
    meetings = Meeting.objects.bulk_create(
        (
            Meeting(user=user, title="Lunch", notes="x" * 2000, starts_at=now, ends_at=ends_at)
            for _ in range(count)
        ),
        batch_size=1000,
    )
    SyncRun.objects.bulk_create(
        SyncRun(
            meeting=meeting,
            connection=connection,
            status=SyncRun.Status.FAILED,
            error_code="crm_timeout",
            started_at=now,
            finished_at=now,
        )
        for meeting in meetings
    )


def requeue_all() -> tuple[float, float]:
    """Seconds and the peak of memory in MB, of a process of its own."""
    command = [sys.executable, "manage.py", "requeue_syncs", "--failed", "--rate", "1000000"]
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--syncs", type=int, default=10_000)
    many = parser.parse_args().syncs
    megabytes = []
    valkey = EmbeddedValkey(Path(folder.name) / "valkey.sock", Path(folder.name))
    valkey.start()
    call_command("migrate", verbosity=0)
    for count in (many // 10, many):
        make_failed_syncs(count)
        seconds, peak = requeue_all()
        requeue_all()  # Twice changes nothing.
        assert SyncRun.objects.count() == 2 * SyncRun.objects.active().count() == 2 * count
        print(f"{count:>7} syncs: {peak:.0f} MB at most, {1000 * seconds / count:.1f} ms each")
        megabytes.append(peak)
    print(f"Ten times as many: {megabytes[1] / megabytes[0]:.2f} × the memory")
    valkey.stop()


if __name__ == "__main__":
    with folder:
        main()
