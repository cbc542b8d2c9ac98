"""Decides a sync's state and what follows from it. Pure: rows and the time are arguments."""

from datetime import datetime, timedelta

from crmsync.engine import step_durations
from crmsync.models import Connection, SyncRun
from crmsync.status.moments import changes_at
from meetings.models import Meeting

Status = SyncRun.Status

PHASES = {
    "not_connected": "idle",
    "never_synced": "idle",
    "queued": "active",
    "syncing": "active",
    "removing": "active",
    "waiting": "waiting",
    "retrying": "waiting",
    "paused": "waiting",
    "synced": "done",
    "out_of_date": "done",
    "failed": "stopped",
    "canceled": "stopped",
}
POLL_AFTER = {"idle": 60, "active": 2, "waiting": 30, "done": 60, "stopped": 60}
IN_LINE_POLL_AFTER = 5  # Due; its turn may come at any moment.
RECHECK_AFTER = timedelta(seconds=5)  # What a document says of other rows may be so old.
UNATTENDED_AFTER = SyncRun.UNATTENDED_AFTER
NO_WORKER, CRM_OUTAGE = "no_worker", "crm_outage"
STATES_WITH_ERROR = {"retrying", "paused", "failed"}


def valid_until(run: SyncRun | None, now: datetime, time_zone: str = "") -> datetime | None:
    """When the document changes next without a change of any row; None if never."""
    if run is None or run.status not in SyncRun.ACTIVE:
        return None
    planned = [moment for moment in (run.due_at, run.connection.not_before) if moment]
    told = [changes_at(at, now, time_zone) for at in planned if at > now]
    out_since = outage_of(run)
    told += [changes_at(out_since, now, time_zone)] if out_since else []
    changes = [*planned, *told, ends_about_of(run), _unattended_at(run)]
    # The dispatcher gives it its turn without a word to the document.
    awaits_turn = run.ready_since is None and run.due_at <= now
    if awaits_turn or depends_on_others(run, now):
        changes.append(now + RECHECK_AFTER)
    return min((at for at in changes if at and at > now), default=None)


def run_of_current_account(run: SyncRun | None) -> SyncRun | None:
    """None if the run belongs to an account that is no longer connected."""
    return None if run is None or run.is_of_former_account else run


def state_of(
    meeting: Meeting, run: SyncRun | None, connection: Connection | None, now: datetime
) -> str:
    if run is not None and run.is_of_former_account:
        return "never_synced" if connection else "not_connected"
    if run is not None and run.status in SyncRun.ACTIVE:
        return _state_of_active(run, now)
    if run is not None and run.status in (Status.FAILED, Status.CANCELED):
        return run.status
    if run is not None and run.written_digest != meeting.content_digest:
        return "out_of_date"
    if run is not None or meeting.last_sync_success:
        return "synced"
    return "never_synced" if connection else "not_connected"


def depends_on_others(run: SyncRun, now: datetime) -> bool:
    """Whether its document says something of other runs, or of what support knows."""
    if run.status not in SyncRun.ACTIVE or run.connection.state != Connection.State.CONNECTED:
        return False
    return is_unattended(run, now) or _wait_reason(run, now) == SyncRun.WaitReason.OTHER_SYNCS


def is_unattended(run: SyncRun, now: datetime) -> bool:
    """Whether its turn came a while ago, and no worker has taken it."""
    at = _unattended_at(run)
    return at is not None and at <= now


def _unattended_at(run: SyncRun) -> datetime | None:
    if run.ready_since is None or outage_of(run):  # It is not its turn.
        return None
    host = run.connection.host
    moments = [run.due_at, run.ready_since, run.connection.not_before, host and host.closed_at]
    return max(at for at in moments if at) + UNATTENDED_AFTER


def outage_of(run: SyncRun) -> datetime | None:
    """Since when the run's CRM answers nobody."""
    return run.connection.host.open_since if run.connection.host else None


def _is_claimed(run: SyncRun, now: datetime) -> bool:
    return run.status == Status.RUNNING and run.due_at > now


def _state_of_active(run: SyncRun, now: datetime) -> str:
    if run.connection.state != Connection.State.CONNECTED:
        return "paused"
    if is_unattended(run, now) or (outage_of(run) and not _is_claimed(run, now)):
        return "waiting"
    if run.status == Status.RUNNING and not _is_kept_from_its_next_step(run, now):
        return "removing" if run.removes else "syncing"
    if run.status == Status.RETRYING:
        return "retrying"
    if _wait_reason(run, now):
        return "waiting"
    return "removing" if run.removes else "queued"


def _is_kept_from_its_next_step(run: SyncRun, now: datetime) -> bool:
    """Whether it is between two steps while the CRM accepts no calls. A claimed run is not due."""
    not_before = run.connection.not_before
    return bool(not_before and not_before > now and run.due_at <= now)


def _wait_reason(run: SyncRun, now: datetime) -> str:
    if outage_of(run):
        return CRM_OUTAGE
    if run.connection.not_before and run.connection.not_before > now:
        return SyncRun.WaitReason.RATE_LIMITED
    return run.wait_reason


def reason_of(state: str, run: SyncRun | None, now: datetime) -> str | None:
    if run is not None and state == "paused":
        by_support = run.connection.state == Connection.State.PAUSED
        return "by_support" if by_support else "needs_reauth"
    if run is None or state != "waiting":
        return None
    return NO_WORKER if is_unattended(run, now) else _wait_reason(run, now)


def error_code_of(state: str, run: SyncRun | None) -> str:
    """The error to show; for a paused run that is its connection's."""
    if run is None or state not in STATES_WITH_ERROR:
        return ""
    return run.connection.last_error if state == "paused" else run.error_code


def next_attempt_at_of(state: str, run: SyncRun | None, now: datetime) -> datetime | None:
    """When the run continues, if that is known. A run in line is due already."""
    if run is None or state not in {"retrying", "waiting"} or outage_of(run):
        return None
    planned = max(run.due_at, run.connection.not_before or run.due_at)
    return planned if planned > now else None


def poll_after(
    state: str, reason: str | None, next_attempt_at: datetime | None, now: datetime
) -> int:
    longest = POLL_AFTER[PHASES[state]]
    if state in {"waiting", "retrying"} and next_attempt_at is None:
        return longest if reason == CRM_OUTAGE else IN_LINE_POLL_AFTER
    if next_attempt_at is None:
        return longest
    return max(1, min(longest, int((next_attempt_at - now).total_seconds()) + 1))


def expected_seconds_of(run: SyncRun) -> list[float]:
    return run.expected_seconds or list(step_durations.DEFAULT_SECONDS.values())


def ends_about_of(run: SyncRun) -> datetime | None:
    """Counted from the start of the current step."""
    if run.status != Status.RUNNING or run.step_started_at is None:
        return None
    return run.step_started_at + timedelta(seconds=sum(expected_seconds_of(run)[run.step - 1 :]))
