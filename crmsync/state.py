"""What a person reads about a sync: the one place that decides a state or a text. It is pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from crmsync import pace as pace_of_steps
from crmsync import policy
from crmsync.causes import crm_name, describe_error, sentence
from crmsync.errors import CATALOGUE
from crmsync.models import Connection, RemoteRecord, SyncRun
from crmsync.wording import WORDS
from meetings.models import Meeting, SyncStep

Status = SyncRun.Status

PHASES = {
    "not_connected": "idle",
    "never_synced": "idle",
    "queued": "active",
    "syncing": "active",
    "waiting": "waiting",
    "retrying": "waiting",
    "paused": "waiting",
    "synced": "done",
    "out_of_date": "done",
    "failed": "stopped",
    "canceled": "stopped",
}
ACTIONS = {
    "not_connected": ["connect"],
    "never_synced": ["sync"],
    "queued": ["cancel"],
    "syncing": ["cancel"],
    "waiting": ["cancel"],
    "retrying": ["retry_now", "cancel"],
    "paused": ["reconnect", "cancel"],
    "synced": ["sync"],
    "out_of_date": ["sync"],
    "failed": ["sync", "help"],
    "canceled": ["sync"],
}
POLL_AFTER = {"idle": 60, "active": 2, "waiting": 30, "done": 60, "stopped": None}
IN_LINE_POLL_AFTER = 5  # Due, and its turn may come any moment.
STATES_WITH_ERROR = {"retrying", "paused", "failed"}
STEP_KEYS = {SyncStep.CONTACTS: "contacts", SyncStep.MEETING: "meeting", SyncStep.NOTES: "notes"}


def describe(
    meeting: Meeting,
    run: SyncRun | None,
    connection: Connection | None,
    now: datetime,
    records: Sequence[RemoteRecord] = (),
) -> dict[str, Any]:
    """The document of one meeting, in the active language.

    `run` is its latest, `connection` its owner's, if any, `records` what was written for it. Until
    one of these changes or `changes_at` comes, all of it but `poll_after` stays the same.
    """
    state = state_of(meeting, run, connection, now)
    reason = _reason(state, run, now)
    error_code = _error_code(state, run)
    next_attempt_at = _next_attempt_at(state, run, now)
    progress = _progress(state, meeting, run, next_attempt_at)
    document = {
        "meeting_id": meeting.pk,
        "state": state,
        "phase": PHASES[state],
        "reason": reason or error_code or None,
        "actions": ACTIONS[state],
        "poll_after": poll_after(state, next_attempt_at, now),
        "progress": progress,
        "attempt": _attempt(state, run),
        "max_attempts": _max_attempts(run),
        "next_attempt_at": next_attempt_at,
        "error": describe_error(run, error_code) if run and error_code else None,
        "in_progress_sync_status": meeting.in_progress_sync_status,
        "last_sync_success": meeting.last_sync_success,
        "last_sync_at": meeting.last_sync_at,
        "connection": _describe_connection(connection),
        "records": [_describe_record(record, meeting) for record in records],
    }
    provider = run.connection.provider if run else connection.provider if connection else ""
    return document | _tell(document, reason, provider)


def changes_at(run: SyncRun | None, now: datetime) -> datetime | None:
    """The next moment that changes the document without a change of any row."""
    if run is None or run.status not in SyncRun.ACTIVE:
        return None
    moments = [run.due_at, run.connection.not_before]
    return min((moment for moment in moments if moment and moment > now), default=None)


def state_of(
    meeting: Meeting, run: SyncRun | None, connection: Connection | None, now: datetime
) -> str:
    if run is not None and run.status in SyncRun.ACTIVE:
        return _state_of_active(run, now)
    if run is not None and run.status in (Status.FAILED, Status.CANCELED):
        return run.status
    if run is not None and run.started_at and meeting.updated_at > run.started_at:
        return "out_of_date"
    if run is not None or meeting.last_sync_success:
        return "synced"
    return "never_synced" if connection else "not_connected"


def _state_of_active(run: SyncRun, now: datetime) -> str:
    if run.connection.state != Connection.State.CONNECTED:
        return "paused"
    if run.status == Status.RUNNING:
        return "syncing"
    if run.status == Status.RETRYING:
        return "retrying"
    return "waiting" if _wait_reason(run, now) else "queued"


def _wait_reason(run: SyncRun, now: datetime) -> str:
    if run.connection.not_before and run.connection.not_before > now:
        return SyncRun.WaitReason.RATE_LIMITED
    return run.wait_reason


def _reason(state: str, run: SyncRun | None, now: datetime) -> str | None:
    if run is not None and state == "paused":
        by_support = run.connection.state == Connection.State.PAUSED
        return "by_support" if by_support else "needs_reauth"
    return _wait_reason(run, now) if run is not None and state == "waiting" else None


def _error_code(state: str, run: SyncRun | None) -> str:
    """What stands in the way; of a paused run that is what its connection met."""
    if run is None or state not in STATES_WITH_ERROR:
        return ""
    return run.connection.last_error if state == "paused" else run.error_code


def _next_attempt_at(state: str, run: SyncRun | None, now: datetime) -> datetime | None:
    """When it goes on, where that is known; a run that stands in line is due already."""
    if run is None or state not in {"retrying", "waiting"}:
        return None
    planned = max(run.due_at, run.connection.not_before or run.due_at)
    return planned if planned > now else None


def poll_after(state: str, next_attempt_at: datetime | None, now: datetime) -> int | None:
    longest = POLL_AFTER[PHASES[state]]
    if state in {"waiting", "retrying"} and next_attempt_at is None:
        return IN_LINE_POLL_AFTER
    if next_attempt_at is None or longest is None:
        return longest
    return max(1, min(longest, int((next_attempt_at - now).total_seconds()) + 1))


def _attempt(state: str, run: SyncRun | None) -> int | None:
    """The try that is under way, or the last one that was."""
    if run is None or state not in {"syncing", "retrying"}:
        return None
    return run.failures + 1 if state == "syncing" else run.failures


def _max_attempts(run: SyncRun | None) -> int:
    """Of a step. What went wrong last decides, also while the next try is under way."""
    kind = CATALOGUE.get(run.error_code) if run else None
    return policy.max_tries(kind, settings.SYNC_RETRY_DELAYS)


def _progress(
    state: str, meeting: Meeting, run: SyncRun | None, next_attempt_at: datetime | None
) -> dict[str, Any] | None:
    """How far the sync has come. Only instants, so that the same state reads the same."""
    if run is None:
        return None
    step = SyncStep(meeting.in_progress_sync_status or run.step)
    pace = run.pace or list(pace_of_steps.USUAL.values())
    started_at = run.step_started_at if state == "syncing" else None
    from_here = started_at or next_attempt_at
    is_done = state in {"synced", "out_of_date"}
    return {
        "step": step,
        "steps": len(SyncStep),
        "key": STEP_KEYS[step],
        "label": str(step.label),
        "percent": 100 if is_done else int(100 * sum(pace[: step - 1]) / sum(pace)),
        "step_started_at": started_at,
        "step_expected_seconds": None if is_done else pace[step - 1],
        "ends_about": from_here and from_here + timedelta(seconds=sum(pace[step - 1 :])),
    }


def _tell(document: dict[str, Any], reason: str | None, provider: str) -> dict[str, Any]:
    """Headline, detail and what comes next, in words."""
    state, progress, at = document["state"], document["progress"], document["next_attempt_at"]
    words = WORDS[_manner(document, reason)]
    error = document["error"] or {"title": "", "remedy": "", "who": "support"}
    facts = {
        "crm": crm_name(provider),
        "time": f"{at:%H:%M}" if at else "",
        "tries": document["attempt"],
        "max_tries": document["max_attempts"],
        **(progress or {}),
        **{name: error[name] for name in ("title", "remedy")},
    }
    ends_about = progress["ends_about"] if progress and state == "syncing" else None
    headline = words.headline if at or not words.soon else words.soon
    return {
        "headline": sentence(str(headline).format_map(facts)),
        "detail": str(words.detail).format_map(facts),
        "next": {
            "kind": words.kind,
            "at": at or ends_about,
            "by": words.by or error["who"],
            "text": str(words.text).format_map(facts),
        },
    }


def _manner(document: dict[str, Any], reason: str | None) -> str:
    """Which words fit."""
    if document["state"] == "synced":
        actions = {record["action"] for record in document["records"]}
        return "unchanged" if actions == {RemoteRecord.Action.UNCHANGED} else "synced"
    if document["state"] == "syncing" and document["attempt"] > 1:
        return "syncing_again"
    return reason or document["state"]


def _describe_record(record: RemoteRecord, meeting: Meeting) -> dict[str, str]:
    names = {"meeting": meeting.title, "note": _("Notes"), "link": _("Link")}
    return {
        "kind": record.kind,
        "name": names.get(record.kind) or getattr(record, "person", "") or record.local_key,
        "action": record.action,
        "url": record.url,
    }


def _describe_connection(connection: Connection | None) -> dict[str, Any] | None:
    if connection is None:
        return None
    return {
        "state": connection.state,
        "provider": connection.provider,
        "account": connection.account_name,
    }
