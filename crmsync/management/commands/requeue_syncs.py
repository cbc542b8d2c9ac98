import getpass
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Max, QuerySet
from rich.console import Console
from rich.progress import track

from crmsync.errors import CATALOGUE
from crmsync.management.arguments import moment, positive, whole_number
from crmsync.management.base import BriefCommand
from crmsync.management.counting import count_in_words
from crmsync.models import SyncRun
from crmsync.operations import support_actions
from crmsync.operations.requeue import Outcome, requeue
from crmsync.providers import PROVIDERS
from meetings.models import Meeting

BATCH = 200
LOOKUPS = {
    "provider": "provider",
    "user": "meeting__user__email",
    "meeting": "meeting__in",
    "since": "finished_at__gte",
}


class Command(BriefCommand):
    help = "Re-queues ended syncs; each continues at the step that failed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--failed", action="store_true", help="every sync that failed for good")
        parser.add_argument(
            "--error-code",
            choices=list(CATALOGUE),
            metavar="CODE",
            help="also where it exhausted the tries",
        )
        parser.add_argument("--provider", choices=list(PROVIDERS))
        parser.add_argument("--user", metavar="EMAIL")
        parser.add_argument(
            "--meeting", type=whole_number, nargs="+", metavar="ID", help="ended either way"
        )
        parser.add_argument("--since", type=moment, metavar="WHEN", help="ended since then (UTC)")
        parser.add_argument("--limit", type=whole_number, metavar="N")
        parser.add_argument("--rate", type=positive, default=10, metavar="N", help="per second")
        parser.add_argument("--reason", help="kept with the new run; asked for at a terminal")
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> str:
        # Arguments of call_command have not passed through their types.
        if not options["rate"] > 0 or (options["limit"] is not None and options["limit"] < 1):
            raise CommandError("--rate and --limit must be above zero.")
        runs = _select(options)
        if options["dry_run"] and not options["json"]:
            count = count_in_words(runs, options["limit"])
            return f"Would go through {count} syncs, and re-queue those that need it."
        chosen = runs[: options["limit"]].count()
        if options["dry_run"]:
            return _report(chosen, {}, options)
        reason = _asked_for(options["reason"])
        log = support_actions.CommandLog(_operator(), reason)
        try:
            for meeting in _paced(islice(_meetings(runs), chosen), chosen, options["rate"]):
                log.add(meeting.pk, requeue(meeting, by=None, reason=reason))
        except KeyboardInterrupt as error:
            done = _report(chosen, log.outcomes, options)
            raise CommandError(f"{done} Interrupted: start it again to go on.") from error
        return _report(chosen, log.outcomes, options)


def _asked_for(reason: str | None) -> str:
    """Support reads it, and should not have to ask who did this and why."""
    if reason is None and sys.stdin.isatty():
        reason = input("Reason: ")
    return (reason or "").strip()


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container's user without a name.
        return "somebody"


def _select(options: dict[str, Any]) -> QuerySet[SyncRun]:
    """The latest run of each matching meeting; only failed ones, unless meetings are named."""
    chosen = {LOOKUPS[name]: options[name] for name in LOOKUPS if options[name] is not None}
    cause = options["error_code"]
    if not chosen and not options["failed"] and cause is None:
        raise CommandError(
            "Say which: --failed, --error-code, --provider, --user, --meeting or --since."
        )
    if options["failed"] or options["meeting"] is None:
        chosen["status"] = SyncRun.Status.FAILED
    runs = SyncRun.objects.latest_of_each().filter(**chosen).order_by("pk")
    return runs if cause is None else runs.with_cause(cause)


def _meetings(runs: QuerySet[SyncRun]) -> Iterator[Meeting]:
    """The meetings of the runs that exist now, one batch in memory at a time."""
    newest = SyncRun.objects.aggregate(pk=Max("pk"))["pk"] or 0
    last = 0
    # Runs that fail from now on are left out, or a permanent failure would be re-queued for ever.
    while batch := list(runs.filter(pk__gt=last, pk__lte=newest).select_related("meeting")[:BATCH]):
        yield from (run.meeting for run in batch)
        last = batch[-1].pk


def _paced(meetings: Iterator[Meeting], total: int, rate: float) -> Iterator[Meeting]:
    console = Console(stderr=True)
    quiet = not console.is_terminal
    for meeting in track(meetings, "Re-queueing", total, console=console, disable=quiet):
        yield meeting
        time.sleep(1 / rate)


def _report(chosen: int, counted: Mapping[str, int], options: dict[str, Any]) -> str:
    outcomes = Counter(counted)
    requeued = outcomes.pop(Outcome.REQUEUED, 0)
    if options["json"]:
        figures = {"chosen": chosen, "requeued": requeued, "skipped": outcomes}
        return json.dumps({**figures, "dry_run": options["dry_run"]})
    why = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    return f"Re-queued {requeued} syncs, skipped {outcomes.total()}{why and f' ({why})'}."
