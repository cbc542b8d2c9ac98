"""Re-queues an ended sync, for the admin and the command line alike."""

from enum import StrEnum
from typing import Any

from crmsync.models import Connection, SyncRun, SyncRunQuerySet
from crmsync.operations import syncs
from meetings import content
from meetings.models import Meeting, SyncStep


class Outcome(StrEnum):
    REQUEUED = "re-queued"
    SYNCING = "already syncing"
    SYNCED = "already synced"
    NEVER_SYNCED = "never synced"
    NOT_CONNECTED = "not connected"
    DELETED = "deleted meanwhile"


def failed_for(code: str, provider: str = "") -> SyncRunQuerySet:
    """Of each meeting whose latest sync failed for this cause, that sync."""
    failed = SyncRun.objects.latest_of_each().filter(status=SyncRun.Status.FAILED).with_cause(code)
    return failed.filter(provider=provider) if provider else failed


def requeue(meeting: Meeting, by: Any, reason: str = "", *, from_start: bool = False) -> Outcome:
    """Starts a new run at the step that failed, or at the first one, if a run is needed."""
    runs = SyncRun.objects.latest_of(meeting).select_related("meeting", "connection")
    last = runs.first()
    if last is None:
        return Outcome.NEVER_SYNCED
    if preview_requeue(last, from_start=from_start) == Outcome.SYNCED:
        return Outcome.SYNCED
    step = SyncStep.CONTACTS if from_start else resume_step(last)
    try:
        _, created = syncs.request_sync(meeting, by, step=step, reason=reason)
    except syncs.NotConnectedError:
        return Outcome.NOT_CONNECTED
    except Meeting.DoesNotExist:
        return Outcome.DELETED
    return Outcome.REQUEUED if created else Outcome.SYNCING


def preview_requeue(last: SyncRun, *, from_start: bool = False) -> Outcome:
    """What requeue() would return now; `last` is the meeting's latest run."""
    if last.status == SyncRun.Status.SUCCEEDED and not from_start:
        return Outcome.SYNCED
    if last.connection.state == Connection.State.DISCONNECTED:
        return Outcome.NOT_CONNECTED
    return Outcome.SYNCING if last.status in SyncRun.ACTIVE else Outcome.REQUEUED


def resume_step(run: SyncRun) -> int:
    """The step that failed, or the first one if what the steps before it wrote has changed."""
    is_current = content.is_current(run.step, run.written_digest, run.meeting.content_digest)
    return run.step if is_current else SyncStep.CONTACTS
