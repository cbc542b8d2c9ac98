"""What a run came to."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from benchmarks.lab.crm import FaultyServer, Record
from benchmarks.lab.people import Observations
from benchmarks.lab.stack import CONCURRENCY
from crmsync.models import SyncAttempt, SyncRun
from crmsync.status.state import state_of
from meetings.models import Meeting

GRACE_SECONDS = 3  # After the database was away.
Status = SyncRun.Status
Latest = Mapping[int, SyncRun]  # By meeting.


@dataclass(frozen=True)
class Verdict:
    """Each of the `violations` has to be zero."""

    seed: int
    totals: Mapping[str, float]
    violations: Mapping[str, int]

    @property
    def synced(self) -> float:
        return self.totals["synced"]

    @property
    def is_faultless(self) -> bool:
        ended = self.synced + self.totals["canceled"] + self.totals["deleted"]
        return ended > 0.9 * self.totals["meetings"] and not any(self.violations.values())


def wait_until_settled(limit: float) -> float:
    """Seconds until nothing is active; about `limit` where something still is."""
    start = time.monotonic()
    connection.close()  # The database may have been restarted since it was opened.
    while time.monotonic() - start < limit:
        if not SyncRun.objects.active().exists() and not _open_attempts().exists():
            break
        time.sleep(0.2)
    return time.monotonic() - start


def judge(seed: int, syncs: int, crm: FaultyServer, seen: Observations) -> Verdict:
    latest = _latest_runs()
    never_asked = {"meetings nobody came to sync": syncs - len(seen.asked)}
    return Verdict(seed, _totals(latest, seen), never_asked | _violations(latest, crm, seen))


def _totals(latest: Latest, seen: Observations) -> dict[str, float]:
    statuses = Counter(run.status for run in latest.values())
    return {
        "meetings": len(seen.asked),
        "synced": statuses[Status.SUCCEEDED],
        "failed": statuses[Status.FAILED],
        "canceled": statuses[Status.CANCELED],
        "deleted": len(seen.asked) - Meeting.objects.filter(pk__in=seen.asked).count(),
        "attempts": SyncAttempt.objects.count(),
        "polls": seen.polls,
        "streams": seen.pages,
        "events of streams": seen.streamed,
        "lost workers": SyncAttempt.objects.filter(error_code="worker_lost").count(),
        "restarted processes": seen.restarts,
        "seconds until settled": seen.settled_seconds,
    }


def _violations(latest: Latest, crm: FaultyServer, seen: Observations) -> dict[str, int]:
    return {
        "unexpected refusals and crashes": len(seen.unexpected),
        "lost syncs": sum(_is_lost(pk, latest, seen) for pk in seen.asked),
        "stuck syncs": SyncRun.objects.active().count(),
        "duplicate records in the CRM": len(crm.duplicates()),
        "missing records in the CRM": sum(len(_missing(run, crm)) for run in latest.values()),
        "removed, but still in the CRM": sum(_is_left(pk, crm, seen) for pk in seen.removed),
        "called synced, but not so in the CRM": sum(_is_untrue(r, crm) for r in latest.values()),
        "steps backward": len(seen.backward),
        "pages that missed something": seen.late_pages,
        "5xx while the database was up": len(_while_database_was_up(seen)),
        "attempts left open": _open_attempts().count(),
        "meetings that contradict their run": sum(map(_is_inconsistent, latest.values())),
        "calls at once beyond the limit": max(0, crm.max_calls - CONCURRENCY),
    }


def _latest_runs() -> Latest:
    runs = SyncRun.objects.select_related("meeting__user", "connection__host").prefetch_related(
        "meeting__attendees"
    )
    return {run.meeting_id: run for run in runs.order_by("pk")}


def _is_lost(pk: int, latest: Latest, seen: Observations) -> bool:
    """Neither synced nor failed with a reason, canceled or deleted."""
    if not Meeting.objects.filter(pk=pk).exists():
        return pk not in seen.deleted | seen.removed
    run = latest.get(pk)
    if run is None or (run.status == Status.CANCELED and pk not in seen.canceled):
        return True
    return run.status == Status.FAILED and not run.error_code


def _missing(run: SyncRun, crm: FaultyServer) -> list[str]:
    meeting = run.meeting
    if state_of(meeting, run, run.connection, timezone.now()) != "synced":
        return []
    keys = [("meeting", str(meeting.key)), ("note", str(meeting.key))]
    keys += [("contact", attendee.email) for attendee in meeting.attendees.all()]
    return [key for kind, key in keys if not crm.find(meeting.user.email, kind, key)]


def _is_left(pk: int, crm: FaultyServer, seen: Observations) -> bool:
    """Of one that somebody deleted here alone, the CRM may keep everything."""
    if pk in seen.deleted or Meeting.objects.filter(pk=pk).exists():
        return False
    account, key = seen.keys[pk]
    return any(crm.find(account, kind, key) for kind in ("meeting", "note"))


def _is_untrue(run: SyncRun, crm: FaultyServer) -> bool:
    """Whether a person reads "synced" of a meeting that the CRM has differently."""
    meeting, now = run.meeting, timezone.now()
    if state_of(meeting, run, run.connection, now) != "synced":
        return False
    people = {attendee.email: attendee.name for attendee in meeting.attendees.all()}
    contacts = [_one(crm, meeting, "contact", email) for email in sorted(people)]
    event, note = (_one(crm, meeting, kind, str(meeting.key)) for kind in ("meeting", "note"))
    held = (event.content["title"], event.content["times"], note.content["text"])
    times = [at.isoformat() for at in (meeting.starts_at, meeting.ends_at)]
    linked = sorted(event.content["contacts"]) == sorted(contact.id for contact in contacts)
    return held != (meeting.title, times, meeting.notes) or not linked


def _one(crm: FaultyServer, meeting: Meeting, kind: str, key: str) -> Record:
    return crm.find(meeting.user.email, kind, key)[0]


def _is_inconsistent(run: SyncRun) -> bool:
    fields = run.meeting.in_progress_sync_status, run.meeting.last_sync_success
    if run.status in SyncRun.ACTIVE:
        return False  # It counts as stuck.
    expected = {"succeeded": (None, True), "failed": (None, False)}
    return fields != expected.get(run.status, (None, fields[1]))


def _while_database_was_up(seen: Observations) -> list[str]:
    return [
        text
        for moment, text in seen.server_errors
        if not any(start <= moment <= end + GRACE_SECONDS for start, end in seen.outages)
    ]


def _open_attempts() -> QuerySet[SyncAttempt]:
    return SyncAttempt.objects.filter(finished_at=None)
