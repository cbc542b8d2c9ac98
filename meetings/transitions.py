"""The only writer of a meeting's sync fields and of the digest of its content.

Each function is one UPDATE that names the state it leaves. Call it in the transaction that makes
the change of the run. The cached copy is invalidated before the commit and written after it.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.signals import post_save

from meetings import cache, content, statements
from meetings.models import Meeting, SyncStep

ANY = "TRUE"


class TransitionRefusedError(Exception):
    """The meeting is gone, or not in the state that the transition leaves."""


def start_step(meeting_id: int, step: SyncStep) -> None:
    # A retry starts the same step again, so the step may equal the one we leave.
    idle_or_before = "in_progress_sync_status IS NULL OR in_progress_sync_status <= %s"
    _move(meeting_id, idle_or_before, step, in_progress_sync_status=step)


def record_success(meeting_id: int, at: datetime) -> None:
    _move(
        meeting_id,
        "in_progress_sync_status = %s",
        SyncStep.NOTES,
        in_progress_sync_status=None,
        last_sync_success=True,
        last_sync_at=at,
    )


def record_failed_attempt(meeting_id: int) -> None:
    """A step failed and will be retried: it stays in progress."""
    _move(meeting_id, "in_progress_sync_status IS NOT NULL", last_sync_success=False)


def record_failure(meeting_id: int) -> None:
    """The sync gave up for good."""
    _move(meeting_id, ANY, in_progress_sync_status=None, last_sync_success=False)


def clear_progress(meeting_id: int) -> None:
    """The sync was canceled or waits for its owner; the last result stays."""
    _move(meeting_id, ANY, in_progress_sync_status=None)


def clear_progress_of(meeting_ids: Sequence[int]) -> None:
    """Their syncs were stopped together."""
    _move_together(
        meeting_ids, Q(in_progress_sync_status__isnull=False), in_progress_sync_status=None
    )


def begin_removal(meeting_id: int, at: datetime) -> None:
    """It is deleted here; a run removes it from the CRM."""
    _move(meeting_id, ANY, in_progress_sync_status=None, removing_since=at)


def keep(meeting_id: int) -> None:
    """Its removal was canceled."""
    _move(meeting_id, ANY, in_progress_sync_status=None, removing_since=None)


def keep_if_removing(meeting_id: int) -> bool:
    """Its removal has failed before."""
    try:
        _move(meeting_id, "removing_since IS NOT NULL", removing_since=None)
    except TransitionRefusedError:
        return False
    return True


def keep_all(meeting_ids: Sequence[int]) -> None:
    """Their removals were stopped together."""
    _move_together(meeting_ids, Q(removing_since__isnull=False), removing_since=None)


def _move_together(meeting_ids: Sequence[int], leaving: Q, **values: Any) -> None:
    of_them = Meeting.objects.filter(leaving, pk__in=meeting_ids)
    moving = list(
        of_them.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True)
    )
    meetings = Meeting.objects.filter(pk__in=moving)
    meetings.update(version=F("version") + 1, **values)
    # Whoever polls one of so many writes its copy.
    cache.invalidate_many(dict(meetings.values_list("pk", "version")))


def touch(meeting_id: int) -> None:
    """Something else changed that the meeting's document shows."""
    _move(meeting_id, ANY)


def record_content(meeting_id: int) -> None:
    """Its content, or that of its attendees, has been written in this transaction."""
    meeting = Meeting.objects.prefetch_related("attendees").get(pk=meeting_id)
    _move(meeting_id, ANY, content_digest=content.digest(meeting, meeting.attendees.all()))


def _move(meeting_id: int, leaving: str, *given: Any, **values: Any) -> None:
    """`leaving`: the state that it leaves, in SQL, and what `given` stands for in it."""
    rows = statements.update(
        Meeting,
        f"id = %s AND ({leaving})",
        meeting_id,
        *given,
        increment=["version"],
        returning=cache.COLUMNS,
        **values,
    )
    if not rows:
        raise TransitionRefusedError(f"Meeting {meeting_id} cannot take {values}.")
    snapshot = cache.snapshot_from(*rows[0])
    cache.invalidate(meeting_id, snapshot["version"])
    transaction.on_commit(partial(cache.store, snapshot))


def _record_edit(instance: Meeting, created: bool, **_: Any) -> None:
    if not created:
        record_content(instance.pk)


post_save.connect(_record_edit, sender=Meeting)
