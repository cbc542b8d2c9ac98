import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from crmsync.engine import remote_records
from crmsync.models import SyncRun
from crmsync.status import delivery
from meetings.models import Meeting


class Command(BaseCommand):
    help = "The case file of one meeting: what its owner reads, what was tried, what was written."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("meeting", type=int, metavar="MEETING_ID")

    def handle(self, *args: Any, **options: Any) -> None:
        meeting = Meeting.objects.filter(pk=options["meeting"]).select_related("user").first()
        if meeting is None:
            raise CommandError(f"There is no meeting {options['meeting']}.")
        runs = SyncRun.objects.latest_of(meeting).select_related("connection__host")
        self.stdout.write(f"Meeting {meeting.pk} of {meeting.user.email}: {meeting.title}")
        self._write_document(meeting, runs.first())
        for run in runs:
            self._write_run(run)
        self._write_records(meeting)

    def _write_document(self, meeting: Meeting, run: SyncRun | None) -> None:
        self.stdout.write("\nWhat its owner reads")
        self.stdout.write(
            json.dumps(delivery.build(meeting, run, timezone.now()), indent=2, ensure_ascii=False)
        )

    def _write_run(self, run: SyncRun) -> None:
        self.stdout.write(
            f"\nRun {run.pk} ({run.reference}): {run.status} {run.error_code}".rstrip()
        )
        for attempt in run.attempts.all():
            ended = f"{attempt.finished_at:%H:%M:%S}" if attempt.finished_at else "…"
            self.stdout.write(
                f"  {attempt.started_at:%Y-%m-%d %H:%M:%S}–{ended}  {attempt}: "
                f"{attempt.outcome or 'under way'} {attempt.error_code}".rstrip()
            )
            for line in attempt.internal_message.strip().splitlines():
                self.stdout.write(f"      {line}")

    def _write_records(self, meeting: Meeting) -> None:
        written = remote_records.for_meeting(meeting)
        self.stdout.write("\nWhat was written" if written else "\nNothing was written.")
        for record in written:
            self.stdout.write(f"  {record.action} {record.kind} {record.local_key}: {record.url}")
