"""What a run came to: each figure of `MUST_BE_ZERO` has to be zero."""

import time
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from benchmarks.lab.crm import FaultyServer
from benchmarks.lab.people import Observations
from benchmarks.lab.stack import CONCURRENCY
from crmsync.models import SyncAttempt, SyncRun
from meetings.models import Meeting

Status = SyncRun.Status
DATABASE_GRACE_SECONDS = 3


@dataclass
class Verdict:
    seed: int
    meetings: int
    synced: int
    failed: int
    canceled: int
    deleted: int
    attempts: int
    polls: int
    lost_workers: int
    restarts: int
    settled_seconds: float
    not_started: int
    unexpected: int
    lost: int
    stuck: int
    duplicates: int
    missing: int
    backward: int
    server_errors: int
    open_attempts: int
    inconsistent: int
    too_many_calls: int

    @property
    def is_faultless(self) -> bool:
        mostly_synced = self.synced + self.canceled + self.deleted > 0.9 * self.meetings
        return mostly_synced and not any(getattr(self, name) for name in MUST_BE_ZERO)


MUST_BE_ZERO = {
    "not_started": "meetings that nobody came to sync: the run proves nothing",
    "unexpected": "refusals nobody expected, and people who stumbled",
    "lost": "asked for, but neither synced nor failed with a reason, canceled or deleted",
    "stuck": "still active when all should be settled",
    "duplicates": "records that the CRM holds more than once",
    "missing": "records of synced meetings that the CRM does not hold",
    "backward": "moves back that a poller or an onlooker saw",
    "server_errors": "5xx answers while the database was up",
    "open_attempts": "attempts that nobody closed",
    "inconsistent": "meetings whose sync fields contradict their run",
    "too_many_calls": "calls at once beyond the connection's places",
}


def wait_until_settled(limit: float) -> float:
    """Seconds until nothing is active; about `limit` where something still is."""
    start = time.monotonic()
    connection.close()  # The database may have been restarted since it was opened.
    while time.monotonic() - start < limit:
        if not SyncRun.objects.active().exists() and not _open_attempts().exists():
            break
        time.sleep(0.2)
    return time.monotonic() - start


def judge(
    seed: int,
    syncs: int,
    crm: FaultyServer,
    seen: Observations,
    *,
    outages: list[tuple[float, float]],
    restarts: int,
) -> Verdict:
    latest = _latest_runs()
    statuses = [run.status for run in latest.values()]
    return Verdict(
        seed=seed,
        meetings=len(seen.asked),
        synced=statuses.count(Status.SUCCEEDED),
        failed=statuses.count(Status.FAILED),
        canceled=statuses.count(Status.CANCELED),
        deleted=len(seen.asked) - Meeting.objects.filter(pk__in=seen.asked).count(),
        attempts=SyncAttempt.objects.count(),
        polls=seen.polls,
        lost_workers=SyncAttempt.objects.filter(error_code="worker_lost").count(),
        restarts=restarts,
        settled_seconds=round(seen.settled_seconds, 1),
        not_started=syncs - len(seen.asked),
        unexpected=len(seen.unexpected),
        lost=sum(_is_lost(pk, latest, seen) for pk in seen.asked),
        stuck=SyncRun.objects.active().count(),
        duplicates=len(crm.duplicates()),
        missing=sum(len(_missing(run, crm)) for run in latest.values()),
        backward=len(seen.backward),
        server_errors=sum(not _in(outages, moment) for moment, _ in seen.server_errors),
        open_attempts=_open_attempts().count(),
        inconsistent=sum(_is_inconsistent(run) for run in latest.values()),
        too_many_calls=max(0, crm.max_calls - CONCURRENCY),
    )


def _latest_runs() -> dict[int, SyncRun]:
    runs = SyncRun.objects.select_related("meeting__user").prefetch_related("meeting__attendees")
    return {run.meeting_id: run for run in runs.order_by("pk")}


def _is_lost(pk: int, latest: dict[int, SyncRun], seen: Observations) -> bool:
    if not Meeting.objects.filter(pk=pk).exists():
        return pk not in seen.deleted
    run = latest.get(pk)
    if run is None or (run.status == Status.CANCELED and pk not in seen.canceled):
        return True
    return run.status == Status.FAILED and not run.error_code


def _missing(run: SyncRun, crm: FaultyServer) -> list[str]:
    if run.status != Status.SUCCEEDED:
        return []
    meeting = run.meeting
    keys = [("meeting", str(meeting.key)), ("note", str(meeting.key))]
    keys += [("contact", attendee.email) for attendee in meeting.attendees.all()]
    return [key for kind, key in keys if not crm.find(meeting.user.email, kind, key)]


def _is_inconsistent(run: SyncRun) -> bool:
    fields = run.meeting.in_progress_sync_status, run.meeting.last_sync_success
    if run.status in SyncRun.ACTIVE:
        return False  # It counts as stuck.
    expected = {"succeeded": (None, True), "failed": (None, False)}
    return fields != expected.get(run.status, (None, fields[1]))


def _in(outages: list[tuple[float, float]], moment: float) -> bool:
    return any(start <= moment <= end + DATABASE_GRACE_SECONDS for start, end in outages)


def _open_attempts() -> QuerySet[SyncAttempt]:
    return SyncAttempt.objects.filter(finished_at=None)
