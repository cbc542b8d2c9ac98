"""Putting an ended sync back: one call for the admin and for the command."""

from enum import StrEnum
from typing import Any

from crmsync import lifecycle
from crmsync.models import SyncRun
from meetings.models import Meeting, SyncStep


class Outcome(StrEnum):
    REQUEUED = "re-queued"
    SYNCING = "already syncing"
    SYNCED = "already synced"
    NEVER_SYNCED = "never synced"
    NOT_CONNECTED = "not connected"
    DELETED = "deleted meanwhile"


def requeue(meeting: Meeting, by: Any, reason: str = "") -> Outcome:
    """Starts a new run at the step that did not succeed, where one is needed."""
    last = SyncRun.objects.latest_of(meeting).select_related("meeting").first()
    if last is None:
        return Outcome.NEVER_SYNCED
    if last.status == SyncRun.Status.SUCCEEDED:
        return Outcome.SYNCED
    try:
        _, created = lifecycle.request_sync(meeting, by, step=resume_step(last), reason=reason)
    except lifecycle.NotConnectedError:
        return Outcome.NOT_CONNECTED
    except Meeting.DoesNotExist:
        return Outcome.DELETED
    return Outcome.REQUEUED if created else Outcome.SYNCING


def resume_step(run: SyncRun) -> int:
    """The step that did not succeed; the first, if the meeting was edited since the run began."""
    if run.started_at is None or run.is_outdated:
        return SyncStep.CONTACTS
    return run.step
