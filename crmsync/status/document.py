"""Builds the document that a person reads about a sync. Pure: no database, no clock."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from crmsync.engine import retry_policy
from crmsync.errors import CATALOGUE
from crmsync.models import Connection, RemoteRecord, SyncRun
from crmsync.status.error_messages import capitalize_first, crm_name, describe_error, format_time
from crmsync.status.messages import MESSAGES, PREREQUISITES
from crmsync.status.state import (
    PHASES,
    actions_of,
    ends_about_of,
    error_code_of,
    expected_seconds_of,
    next_attempt_at_of,
    poll_after,
    reason_of,
    run_of_current_account,
    state_of,
)
from meetings.models import Meeting, SyncStep

STEP_KEYS = {SyncStep.CONTACTS: "contacts", SyncStep.MEETING: "meeting", SyncStep.NOTES: "notes"}


def describe(
    meeting: Meeting, run: SyncRun | None, connection: Connection | None, now: datetime
) -> dict[str, Any]:
    """The document of one meeting, in the active language.

    `run` is its latest, `connection` its owner's, if any. Until one of the three changes, or until
    `valid_until`, everything but `poll_after` stays the same.
    """
    state = state_of(meeting, run, connection, now)
    run = run_of_current_account(run)
    reason = reason_of(state, run, now)
    error_code = error_code_of(state, run)
    next_attempt_at = next_attempt_at_of(state, run, now)
    document = {
        "meeting_id": meeting.pk,
        "state": state,
        "phase": PHASES[state],
        "reason": reason or error_code or None,
        "actions": actions_of(state, run, connection, now),
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
    return document | _render_texts(
        document, _message_key(document, run, reason), run, connection, now
    )


def _attempt(state: str, run: SyncRun | None) -> int | None:
    """The number of the current attempt, or of the last one."""
    if run is None or state not in {"syncing", "retrying"}:
        return None
    return run.failures + 1 if state == "syncing" else run.failures


def _max_attempts(run: SyncRun | None) -> int:
    """Per step. The last error decides, also while the next attempt is running."""
    kind = CATALOGUE.get(run.error_code) if run else None
    return retry_policy.max_tries(kind, settings.SYNC_RETRY_DELAYS)


def _progress(
    state: str,
    meeting: Meeting,
    run: SyncRun | None,
    next_attempt_at: datetime | None,
    now: datetime,
) -> dict[str, Any] | None:
    """How far the sync has come. Instants only, so that an unchanged state renders the same."""
    if run is None:
        return None
    step = SyncStep(meeting.in_progress_sync_status or run.step)
    seconds = expected_seconds_of(run)
    ends_about = ends_about_of(run) if state == "syncing" else None
    if next_attempt_at:
        ends_about = next_attempt_at + timedelta(seconds=sum(seconds[step - 1 :]))
    is_done = state in {"synced", "out_of_date"}
    return {
        "step": step,
        "steps": len(SyncStep),
        "key": STEP_KEYS[step],
        "label": str(step.label),
        "percent": 100 if is_done else int(100 * sum(seconds[: step - 1]) / sum(seconds)),
        "step_started_at": run.step_started_at if state == "syncing" else None,
        "step_expected_seconds": None if is_done else seconds[step - 1],
        # Once a step takes longer than usual, no end can be predicted.
        "ends_about": ends_about if ends_about and ends_about > now else None,
    }


def _render_texts(
    document: dict[str, Any],
    manner: str,
    run: SyncRun | None,
    connection: Connection | None,
    now: datetime,
) -> dict[str, Any]:
    """Headline, detail and next step, in words."""
    progress, at = document["progress"], document["next_attempt_at"]
    words = MESSAGES[manner]
    error = document["error"] or {"title": "", "remedy": "", "who": "support"}
    provider = run.crm if run else connection.provider if connection else ""
    facts = {
        "crm": crm_name(provider),
        "time": format_time(at, now) if at else "",
        "tries": document["attempt"],
        "max_tries": document["max_attempts"],
        **(progress or {}),
        **{name: error[name] for name in ("title", "remedy")},
    }
    ends_about = progress["ends_about"] if progress and document["state"] == "syncing" else None
    headline = words.headline if at or not words.headline_when_due else words.headline_when_due
    upcoming = {
        "kind": words.kind,
        "at": at or ends_about,
        "by": words.actor or error["who"],
        "text": str(words.text).format_map(facts),
    }
    return {
        "headline": capitalize_first(str(headline).format_map(facts)),
        "detail": str(words.detail).format_map(facts),
        "next": upcoming | _prerequisite(document["actions"], words.kind, facts),
    }


def _prerequisite(actions: list[str], kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Replaces the next step if the person has to connect a CRM first."""
    if kind in {"sync", "resolve"} and actions[0] in PREREQUISITES:
        first = PREREQUISITES[actions[0]]
        return {"kind": actions[0], "by": "you", "text": str(first).format_map(facts)}
    return {}


def _message_key(document: dict[str, Any], run: SyncRun | None, reason: str | None) -> str:
    """The key of the matching message."""
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
    remark = entry.get("remark")  # Older runs have no remark.
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
