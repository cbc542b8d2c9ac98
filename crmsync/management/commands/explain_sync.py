import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from crmsync.engine import remote_records
from crmsync.management.arguments import whole_number
from crmsync.management.base import BriefCommand
from crmsync.models import SyncAttempt, SyncRun
from crmsync.status import delivery
from meetings.models import Meeting


class Command(BriefCommand):
    help = "The case file of one meeting: what its owner reads, what was tried, what was written."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("meeting", type=_lookup, metavar="MEETING_ID|SY-…")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> str:
        field, value = options["meeting"]
        meeting = Meeting.objects.select_related("user").filter(**{field: value}).first()
        if meeting is None:
            raise CommandError(f"There is no {'meeting' if field == 'pk' else 'sync'} {value}.")
        case = _case_of(meeting)
        if options["json"]:
            return json.dumps(case, indent=2, ensure_ascii=False, default=str)
        return "\n".join(_lines(case))


def _lookup(text: str) -> tuple[str, str | int]:
    if text.upper().startswith("SY-"):
        return "sync_runs__reference", text.upper()
    return "pk", whole_number(text)


def _case_of(meeting: Meeting) -> dict[str, Any]:
    runs = list(SyncRun.objects.latest_of(meeting).select_related("connection__host"))
    latest = runs[0] if runs else None
    return {
        "meeting": meeting.pk,
        "title": meeting.title,
        "owner": meeting.user.email,
        "owner_reads": delivery.build(meeting, latest, timezone.now()),
        "runs": [_run(run) for run in runs],
        "written": [
            {"action": it.action, "kind": it.kind, "key": it.local_key, "url": it.url}
            for it in remote_records.for_meeting(meeting)
        ],
    }


def _run(run: SyncRun) -> dict[str, Any]:
    return {
        "id": run.pk,
        "reference": run.reference,
        "status": run.status,
        "error_code": run.error_code,
        "error_cause": run.error_cause,
        "attempts": [_attempt(attempt) for attempt in run.attempts.all()],
    }


def _attempt(attempt: SyncAttempt) -> dict[str, Any]:
    return {
        "try": str(attempt),
        "started_at": attempt.started_at,
        "finished_at": attempt.finished_at,
        "outcome": attempt.outcome,
        "error_code": attempt.error_code,
        "message": attempt.internal_message.strip(),
    }


def _lines(case: dict[str, Any]) -> Iterator[str]:
    yield f"Meeting {case['meeting']} of {case['owner']}: {case['title']}"
    yield "\nWhat its owner reads"
    yield json.dumps(case["owner_reads"], indent=2, ensure_ascii=False)
    for run in case["runs"]:
        code = " ".join(filter(None, (run["error_code"], run["error_cause"])))
        yield f"\nRun {run['id']} ({run['reference']}): {run['status']} {code}".rstrip()
        for attempt in run["attempts"]:
            yield from _lines_of(attempt)
    yield "\nWhat was written" if case["written"] else "\nNothing was written."
    for record in case["written"]:
        yield "  {action} {kind} {key}: {url}".format(**record)


def _lines_of(attempt: dict[str, Any]) -> Iterator[str]:
    ended = f"{attempt['finished_at']:%H:%M:%S}" if attempt["finished_at"] else "…"
    outcome = f"{attempt['outcome'] or 'under way'} {attempt['error_code']}".rstrip()
    yield f"  {attempt['started_at']:%Y-%m-%d %H:%M:%S}–{ended}  {attempt['try']}: {outcome}"
    for line in attempt["message"].splitlines():
        yield f"      {line}"
