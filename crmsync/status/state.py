"""What a person reads about a sync: the one place that decides a state or a text. It is pure."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from crmsync.engine import retry_policy
from crmsync.engine import step_durations as pace_of_steps
from crmsync.errors import CATALOGUE
from crmsync.models import Connection, RemoteRecord, SyncRun
from crmsync.status.error_messages import clock, crm_name, describe_error, sentence
from crmsync.status.messages import FIRST, WORDS
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
    meeting: Meeting, run: SyncRun | None, connection: Connection | None, now: datetime
) -> dict[str, Any]:
    """The document of one meeting, in the active language.

    `run` is its latest, `connection` its owner's, if any. Until one of the three changes or
    `changes_at` comes, all of it but `poll_after` stays the same.
    """
    state = state_of(meeting, run, connection, now)
    run = _current(run)
    reason = _reason(state, run, now)
    error_code = _error_code(state, run)
    next_attempt_at = _next_attempt_at(state, run, now)
    document = {
        "meeting_id": meeting.pk,
        "state": state,
        "phase": PHASES[state],
        "reason": reason or error_code or None,
        "actions": _actions(state, run, connection, now),
        "poll_after": poll_after(state, next_attempt_at, now),
        "progress": _progress(state, meeting, run, next_attempt_at, now),
        "attempt": _attempt(state, run),
        "max_attempts": _max_attempts(run),
        "next_attempt_at": next_attempt_at,
        "error": describe_error(run, error_code) if run and error_code else None,
        "in_progress_sync_status": meeting.in_progress_sync_status,
        "last_sync_success": meeting.last_sync_success,
        "last_sync_at": meeting.last_sync_at,
        "connection": _describe_connection(connection),
        "records": [_describe_record(entry, meeting) for entry in run.written] if run else [],
    }
    return document | _tell(document, _manner(document, run, reason), run, connection, now)


def changes_at(run: SyncRun | None, now: datetime) -> datetime | None:
    """The next moment that changes the document without a change of any row."""
    if run is None or run.status not in SyncRun.ACTIVE:
        return None
    planned = [moment for moment in (run.due_at, run.connection.not_before) if moment]
    # On the day itself the day is not named any more.
    days = [at.replace(hour=0, minute=0, second=0, microsecond=0) for at in planned]
    moments = [*planned, *days, _ends_about(run)]
    return min((moment for moment in moments if moment and moment > now), default=None)


def _current(run: SyncRun | None) -> SyncRun | None:
    """None where the run tells of an account that is not the one connected now."""
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
    if run is not None and run.started_at and meeting.updated_at > run.started_at:
        return "out_of_date"
    if run is not None or meeting.last_sync_success:
        return "synced"
    return "never_synced" if connection else "not_connected"


def _state_of_active(run: SyncRun, now: datetime) -> str:
    if run.connection.state != Connection.State.CONNECTED:
        return "paused"
    if run.status == Status.RUNNING and not _is_kept_from_its_next_step(run, now):
        return "syncing"
    if run.status == Status.RETRYING:
        return "retrying"
    return "waiting" if _wait_reason(run, now) else "queued"


def _is_kept_from_its_next_step(run: SyncRun, now: datetime) -> bool:
    """Between two steps, and the CRM wants no calls. While a worker holds it, it is not due."""
    not_before = run.connection.not_before
    return bool(not_before and not_before > now and run.due_at <= now)


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
    return retry_policy.max_tries(kind, settings.SYNC_RETRY_DELAYS)


def _progress(
    state: str,
    meeting: Meeting,
    run: SyncRun | None,
    next_attempt_at: datetime | None,
    now: datetime,
) -> dict[str, Any] | None:
    """How far the sync has come. Only instants, so that the same state reads the same."""
    if run is None:
        return None
    step = SyncStep(meeting.in_progress_sync_status or run.step)
    pace = _pace(run)
    ends_about = _ends_about(run) if state == "syncing" else None
    if next_attempt_at:
        ends_about = next_attempt_at + timedelta(seconds=sum(pace[step - 1 :]))
    is_done = state in {"synced", "out_of_date"}
    return {
        "step": step,
        "steps": len(SyncStep),
        "key": STEP_KEYS[step],
        "label": str(step.label),
        "percent": 100 if is_done else int(100 * sum(pace[: step - 1]) / sum(pace)),
        "step_started_at": run.step_started_at if state == "syncing" else None,
        "step_expected_seconds": None if is_done else pace[step - 1],
        # What takes longer than it usually does ends nobody knows when.
        "ends_about": ends_about if ends_about and ends_about > now else None,
    }


def _pace(run: SyncRun) -> list[float]:
    return run.pace or list(pace_of_steps.USUAL.values())


def _ends_about(run: SyncRun) -> datetime | None:
    """Counted from the start of the step that is under way."""
    if run.status != Status.RUNNING or run.step_started_at is None:
        return None
    return run.step_started_at + timedelta(seconds=sum(_pace(run)[run.step - 1 :]))


def _tell(
    document: dict[str, Any],
    manner: str,
    run: SyncRun | None,
    connection: Connection | None,
    now: datetime,
) -> dict[str, Any]:
    """Headline, detail and what comes next, in words."""
    progress, at = document["progress"], document["next_attempt_at"]
    words = WORDS[manner]
    error = document["error"] or {"title": "", "remedy": "", "who": "support"}
    provider = run.crm if run else connection.provider if connection else ""
    facts = {
        "crm": crm_name(provider),
        "time": clock(at, now) if at else "",
        "tries": document["attempt"],
        "max_tries": document["max_attempts"],
        **(progress or {}),
        **{name: error[name] for name in ("title", "remedy")},
    }
    ends_about = progress["ends_about"] if progress and document["state"] == "syncing" else None
    headline = words.headline if at or not words.soon else words.soon
    upcoming = {
        "kind": words.kind,
        "at": at or ends_about,
        "by": words.by or error["who"],
        "text": str(words.text).format_map(facts),
    }
    return {
        "headline": sentence(str(headline).format_map(facts)),
        "detail": str(words.detail).format_map(facts),
        "next": upcoming | _what_comes_first(document["actions"], words.kind, facts),
    }


def _what_comes_first(actions: list[str], kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Who has to connect a CRM before anything else can be done reads that instead."""
    if kind in {"sync", "resolve"} and actions[0] in FIRST:
        first = FIRST[actions[0]]
        return {"kind": actions[0], "by": "you", "text": str(first).format_map(facts)}
    return {}


def _actions(
    state: str, run: SyncRun | None, connection: Connection | None, now: datetime
) -> list[str]:
    """What the person can do now; nothing that would be refused."""
    actions = list(ACTIONS[state])
    if "sync" in actions and connection is None:
        actions[actions.index("sync")] = "connect"
    elif "sync" in actions and connection and connection.state == Connection.State.NEEDS_REAUTH:
        actions.insert(0, "reconnect")
    if run is None:
        return actions
    not_before = run.connection.not_before
    refused = {"retry_now"} if not_before and not_before > now else set()
    if run.connection.state == Connection.State.PAUSED:
        refused.add("reconnect")
    return [action for action in actions if action not in refused]


def _manner(document: dict[str, Any], run: SyncRun | None, reason: str | None) -> str:
    """Which words fit."""
    state, records = document["state"], document["records"]
    if state == "synced":
        if run is not None and any(entry.get("remark") for entry in run.written):
            return "synced_partly"
        actions = {record["action"] for record in records}
        return "unchanged" if actions == {RemoteRecord.Action.UNCHANGED} else "synced"
    if state == "syncing" and document["attempt"] > 1:
        return "syncing_again"
    if state == "failed" and (records or document["last_sync_at"]):
        return "failed_partly"
    if reason == SyncRun.WaitReason.RATE_LIMITED and run is not None:
        return "daily_quota" if run.error_code == "crm_daily_quota_used" else reason
    return reason or state


def _describe_record(entry: dict[str, str], meeting: Meeting) -> dict[str, str]:
    names = {"meeting": meeting.title, "note": _("Notes"), "link": _("Link")}
    name = names.get(entry["kind"]) or entry["name"] or entry["key"]
    remark = entry.get("remark")  # Older runs have none.
    return {
        "kind": entry["kind"],
        "name": f"{name} ({_(remark)})" if remark else name,
        "action": entry["action"],
        "url": entry["url"],
    }


def _describe_connection(connection: Connection | None) -> dict[str, Any] | None:
    if connection is None:
        return None
    return {
        "state": connection.state,
        "provider": connection.provider,
        "account": connection.account_name,
    }
