#!/usr/bin/env python
"""What putting back ten times as many failed syncs costs in memory and in time for each.

    python benchmarks/requeue.py

Without a pace (`--rate`), so that time is work. Ends with 1 if the memory grows.
"""

import argparse

import cli
from django.utils import timezone

from benchmarks import peak_memory, rows
from benchmarks.results import Goal, print_goals, print_table
from benchmarks.services import Services
from crmsync.models import SyncRun

LIMIT = 1.1
COMMAND = ("requeue_syncs", "--failed", "--rate", "1000000")


def main(options: argparse.Namespace, services: Services) -> bool:
    counts = (options.syncs // 10, options.syncs)
    few, many = ((count, *_requeue(count, services)) for count in counts)
    print_table("Failed syncs put back", ("peak MB", "ms each"), [few, many])
    return print_goals(
        [Goal(f"peak of memory, {many[0]} syncs ÷ {few[0]}", many[1] / few[1], LIMIT)]
    )


def _requeue(count: int, services: Services) -> tuple[float, float]:
    services.empty()
    _make_failed_syncs(count)
    megabytes, seconds = peak_memory.run(*COMMAND)
    peak_memory.run(*COMMAND)  # Twice changes nothing.
    assert SyncRun.objects.count() == 2 * SyncRun.objects.active().count() == 2 * count
    return megabytes, 1000 * seconds / count


def _make_failed_syncs(count: int) -> None:
    now = timezone.now()
    [user] = rows.make_users(1)
    rows.connect([user], "sandbox")
    SyncRun.objects.bulk_create(
        SyncRun(
            meeting=meeting,
            connection=user.connection,
            status=SyncRun.Status.FAILED,
            error_code="crm_timeout",
            started_at=now,
            finished_at=now,
        )
        for meeting in rows.make_meetings([user] * count, notes="x" * 2000)
    )


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--syncs", type=int, default=10_000, metavar="N")
    cli.run(main, parser.parse_args())
