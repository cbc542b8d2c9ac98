"""Putting an ended sync back: one call for the admin and for the command."""

from enum import StrEnum
from typing import Any

from crmsync import lifecycle, records
from crmsync.models import RemoteRecord, SyncRun
from meetings.models import Meeting, SyncStep


class Outcome(StrEnum):
    REQUEUED = "re-queued"
    SYNCING = "already syncing"
    SYNCED = "already synced"
    NEVER_SYNCED = "never synced"
    NOT_CONNECTED = "not connected"


def requeue(meeting: Meeting, by: Any, reason: str = "") -> Outcome:
    """Starts a new run at the step that did not succeed, where one is needed."""
    last = SyncRun.objects.filter(meeting=meeting).select_related("connection").first()
    if last is None:
        return Outcome.NEVER_SYNCED
    if last.status == SyncRun.Status.SUCCEEDED:
        return Outcome.SYNCED
    try:
        _, created = lifecycle.request_sync(meeting, by, step=resume_step(last), reason=reason)
    except lifecycle.NotConnectedError:
        return Outcome.NOT_CONNECTED
    return Outcome.REQUEUED if created else Outcome.SYNCING


def resume_step(run: SyncRun) -> int:
    """The step that failed, or an earlier one whose work is not in the CRM (any more)."""
    emails = set(run.meeting.attendees.values_list("email", flat=True))
    contacts = records.find(run.connection, RemoteRecord.Kind.CONTACT, emails)
    if {ref.local_key for ref in contacts} < emails:
        return SyncStep.CONTACTS
    if not records.find(run.connection, RemoteRecord.Kind.MEETING, [str(run.meeting.key)]):
        return min(run.step, SyncStep.MEETING)
    return run.step
