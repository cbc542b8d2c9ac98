"""What people do with syncs: start, retry now, cancel, and delete or remove a meeting.

Each change of a SyncRun is one conditional UPDATE that names the state it leaves. Workers make
theirs in engine/. Rows are locked in the order connection, run, meeting.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from structlog.contextvars import get_contextvars

from crmsync.connections import store
from crmsync.engine import hints, scheduling, step_durations
from crmsync.models import Connection, RemoteRecord, SyncAttempt, SyncRun, SyncRunQuerySet
from meetings import transitions
from meetings.models import Meeting, SyncStep

RETRYING = SyncRun.Status.RETRYING
BATCH = 1000


class NotConnectedError(Exception):
    """The meeting's owner has no CRM connected."""


class NotBeforeError(Exception):
    """The CRM accepts no calls before the connection's `not_before`."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(f"Not before {connection.not_before}.")
        self.connection = connection


def request_sync(
    meeting: Meeting, by: Any, *, step: int = SyncStep.CONTACTS, reason: str = ""
) -> tuple[SyncRun, bool]:
    """The meeting's active run, and whether it is new.

    Raises NotConnectedError, and Meeting.DoesNotExist if it was deleted meanwhile.
    """
    for _ in range(3):
        try:
            return _request_sync(meeting, by, step, reason)
        except (
            IntegrityError,
            transitions.TransitionRefusedError,
        ):  # The other active run has just ended, or the meeting was deleted.
            Meeting.objects.only("pk").get(pk=meeting.pk)
    return _request_sync(meeting, by, step, reason)


@transaction.atomic
def _request_sync(meeting: Meeting, by: Any, step: int, reason: str) -> tuple[SyncRun, bool]:
    connection = store.lock(user=meeting.user_id)
    if connection is None or connection.state == Connection.State.DISCONNECTED:
        raise NotConnectedError
    # As it is now: a removal may have begun or been canceled since the meeting was read.
    kept = Meeting.objects.filter(pk=meeting.pk).values_list("removing_since", flat=True)
    removes = next(iter(kept), None) is not None
    if removes and _is_elsewhere(meeting):
        raise NotConnectedError
    is_next = scheduling.has_free_slot(connection)
    request = {
        "connection": connection,
        "provider": connection.provider,
        "step": SyncStep.NOTES if removes else step,
        "removes": removes,
        "requested_by": by,
        "reason": reason,
        "request_id": get_contextvars().get("request_id", ""),
        "account_number": connection.account_number,
        "expected_seconds": partial(step_durations.expected_seconds, connection.provider),
        **_written_before(meeting, step),
    }
    now = timezone.now()
    in_line = {"wait_reason": SyncRun.WaitReason.OTHER_SYNCS}
    turn = {"sent_at": now, "ready_since": now} if is_next else in_line
    run, created = SyncRun.objects.get_or_create(
        meeting=meeting, status__in=SyncRun.ACTIVE, defaults={**request, **turn}
    )
    if created:
        transitions.touch(meeting.pk)
    if created and is_next:
        transaction.on_commit(partial(hints.send_hint, run.pk, run.step))
    return run, created


def _written_before(meeting: Meeting, step: int) -> dict[str, Any]:
    """A run that continues after a failed one starts with what that one wrote."""
    if step == SyncStep.CONTACTS:
        return {}
    last = SyncRun.objects.latest_of(meeting).values("written", "written_digest").first()
    return dict(last or {})


def sync_now(meeting: Meeting, by: Any) -> None:
    """Starts a sync, or brings the planned retry of the active one forward.

    Raises what request_sync() raises, and NotBeforeError.
    """
    run, created = request_sync(meeting, by)
    if not created and run.status == RETRYING:
        retry_now(run)


@transaction.atomic
def retry_now(run: SyncRun) -> bool:
    """Brings its planned retry forward; False if none is planned any more.

    Raises NotBeforeError.
    """
    connection = store.lock(pk=run.connection_id)
    now = timezone.now()
    if connection is not None and connection.not_before and connection.not_before > now:
        raise NotBeforeError(connection)
    if not _leave(run.pk, [RETRYING]).filter(due_at__gt=now).update(due_at=now, sent_at=now):
        return False
    transitions.touch(run.meeting_id)
    transaction.on_commit(partial(hints.send_hint, run.pk, run.step))
    return True


@transaction.atomic
def cancel(meeting_id: int) -> bool:
    """Cancels the active run. Its worker stops before the next call to the CRM.

    The meeting of a removal comes back, also of one that has failed.
    """
    run = SyncRun.objects.latest_of(meeting_id).first()
    if run is None:
        return False
    store.lock(pk=run.connection_id)  # Or a removal could be asked for meanwhile.
    if run.removes and not _leave(run.pk, SyncRun.ACTIVE).exists():
        return transitions.keep_if_removing(meeting_id)
    if not _leave(run.pk, SyncRun.ACTIVE).update(
        status=SyncRun.Status.CANCELED, finished_at=timezone.now()
    ):
        return False
    if run.removes:
        transitions.keep(meeting_id)
    else:
        transitions.clear_progress(meeting_id)
    scheduling.enqueue_next_waiting(run.connection_id)
    return True


def cancel_all(connection: Connection) -> None:
    """Cancels the connection's active runs in batches.

    Needs the connection's row locked. The caller changes it, which outdates all documents, so only
    meetings with a step in progress change.
    """
    canceled = {"status": SyncRun.Status.CANCELED, "finished_at": timezone.now()}
    active = connection.sync_runs.active().order_by("pk").values_list("pk", "meeting")
    while batch := list(active[:BATCH]):
        runs = SyncRun.objects.filter(pk__in=[pk for pk, _ in batch], status__in=SyncRun.ACTIVE)
        runs.update(**canceled)
        transitions.clear_progress_of([meeting for _, meeting in batch])
    removing = Meeting.objects.filter(user=connection.user_id, removing_since__isnull=False)
    transitions.keep_all(list(removing.values_list("pk", flat=True)))


@transaction.atomic
def delete_meeting(meeting: Meeting) -> None:
    """Cancels the active run, then deletes; the locks keep new runs and edits out."""
    connection = store.lock(user=meeting.user_id)
    cancel(meeting.pk)
    calling = SyncAttempt.objects.filter(finished_at=None, run__meeting=meeting)
    if connection is not None and calling.filter(holds_contact_lock=True).exists():
        # The attempt's row goes, but its call may still be running.
        scheduling.extend_contact_lock(connection.pk)
    Meeting.objects.select_for_update().filter(pk=meeting.pk).first()
    meeting.delete()


@transaction.atomic
def request_removal(meeting: Meeting, by: Any) -> bool:
    """Deletes the meeting here at once, and what we made in the CRM by a run of its own.

    False if there was nothing to remove. Raises NotConnectedError.
    """
    connection = store.lock(user=meeting.user_id)
    was_sent = SyncAttempt.objects.filter(run__meeting=meeting).exists()
    if not was_sent and not RemoteRecord.objects.filter(meeting=meeting).exists():
        delete_meeting(meeting)
        return False
    if connection is None or _is_elsewhere(meeting):
        raise NotConnectedError
    if not SyncRun.objects.active().filter(meeting=meeting, removes=True).exists():
        cancel(meeting.pk)
        transitions.begin_removal(meeting.pk, timezone.now())
    request_sync(meeting, by)
    return True


def _is_elsewhere(meeting: Meeting) -> bool:
    """Whether what was last sent of it went to an account that is no longer connected."""
    sent = SyncRun.objects.latest_of(meeting).filter(attempts__isnull=False)
    last = sent.select_related("connection").first()
    return last is not None and last.account_number < last.connection.account_number


def _leave(run_id: int, statuses: Iterable[str]) -> SyncRunQuerySet:
    return SyncRun.objects.filter(pk=run_id, status__in=statuses)
