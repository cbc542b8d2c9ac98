from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from crmsync.management.arguments import days
from crmsync.management.base import BriefCommand
from crmsync.management.counting import count_in_words
from crmsync.operations import retention


class Command(BriefCommand):
    help = (
        "Deletes old ended syncs (each meeting keeps its last one), ended incidents with their "
        "alerts, support actions, idempotency keys, sign-ins and admin sessions."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=days, required=True, metavar="90d")
        parser.add_argument("--dry-run", action="store_true")

    def handle(self, *args: Any, **options: Any) -> str:
        before = timezone.now() - options["older_than"]
        old = retention.old(before)
        if options["dry_run"]:
            count = count_in_words(old)
            return f"Would delete {count} syncs that ended before {before:%Y-%m-%d %H:%M} UTC."
        total = old.count()
        console = Console(stderr=True)
        with Progress(console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("Deleting", total=total)
            deleted = sum(_advance(progress, task, retention.prune(before)))
        others = retention.prune_others(before)
        also = "".join(f" Deleted {count} {name}." for name, count in others.items())
        return f"Deleted {deleted} syncs that ended before {before:%Y-%m-%d %H:%M} UTC.{also}"


def _advance(progress: Progress, task: Any, batches: Iterator[int]) -> Iterator[int]:
    for count in batches:
        progress.advance(task, count)
        yield count
