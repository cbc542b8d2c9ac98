"""Builds the document that a person reads about a sync. Pure: no database, no clock."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from crmsync.engine import retry_policy
from crmsync.errors import CATALOGUE
from crmsync.models import Connection, RemoteRecord, SyncRun
from crmsync.providers.merging import KEPT, LEFT
from crmsync.providers.roles import ON_PURPOSE
from crmsync.status import actions, moments
from crmsync.status.error_messages import capitalize_first, crm_name, describe_error
from crmsync.status.messages import MESSAGES, PREREQUISITES, StateMessage
from crmsync.status.progress import describe_progress
from crmsync.status.state import (
    CRM_OUTAGE,
    NO_WORKER,
    PHASES,
    error_code_of,
    next_attempt_at_of,
    outage_of,
    poll_after,
    reason_of,
    run_of_current_account,
    state_of,
)
from crmsync.status.surroundings import ALONE, Surroundings
from meetings.models import Meeting

SKIPPED = RemoteRecord.Action.SKIPPED
WITH_REASON = {SKIPPED, RemoteRecord.Action.REMOVED}


def describe(
    meeting: Meeting,
    run: SyncRun | None,
    connection: Connection | None,
    now: datetime,
    *,
    time_zone: str = "",
    around: Surroundings = ALONE,
) -> dict[str, Any]:
    """The document of one meeting, in the active language.

    `run` is its latest, `connection` its owner's, if any; `time_zone` is the reader's. Until one of
    these or `around` changes, or until `valid_until`, everything but `poll_after` stays the same.
    """
    state = state_of(meeting, run, connection, now)
    run = run_of_current_account(run)
    reason = NO_WORKER if around.is_line_unattended else reason_of(state, run, now)
    error_code = error_code_of(state, run)
    next_attempt_at = next_attempt_at_of(state, run, now)
    error = None
    if run is not None and error_code:
        error = describe_error(run, error_code, _error_path(meeting, run))
    crm = crm_name(run.crm if run else connection.provider if connection else "")
    links = {"crm": crm, "pk": meeting.pk, "help_url": error and error["help_url"]}
    names = actions.names_of(state, run, connection, error, now)
    document = {
        "meeting_id": meeting.pk,
        "state": state,
        "phase": PHASES[state],
        "reason": reason or error_code or None,
        "position": around.position if reason == SyncRun.WaitReason.OTHER_SYNCS else None,
        "actions": [actions.describe(name, _case(state, run), links) for name in names],
        "poll_after": poll_after(state, reason, next_attempt_at, now),
        "revision": "",  # Of the finished document.
        "progress": describe_progress(
            state, meeting, run, next_attempt_at or around.starts_about, now
        ),
        "attempt": _attempt(state, run),
        "max_attempts": _max_attempts(run),
        "next_attempt_at": next_attempt_at,
        "error": error,
        "in_progress_sync_status": meeting.in_progress_sync_status,
        "last_sync_success": meeting.last_sync_success,
        "last_sync_at": meeting.last_sync_at,
        "connection": _describe_connection(connection),
        "records": [_describe_record(entry, meeting) for entry in run.written] if run else [],
    }
    facts = _facts(document, crm, now, time_zone)
    out_since = outage_of(run) if run and reason == CRM_OUTAGE else None
    facts["refused"] = ", ".join(_refused(run.written)) if run else ""
    facts["since"] = moments.tell_since(out_since, now, time_zone) if out_since else ""
    return document | _render_texts(document, MESSAGES[_message_key(document, run, around)], facts)


def _case(state: str, run: SyncRun | None) -> str:
    """The state, or which one of a removal."""
    if run is None or not run.removes:
        return state
    return f"{state}_removal" if state in {"failed", "canceled"} else "removing"


def _attempt(state: str, run: SyncRun | None) -> int | None:
    """The number of the current attempt, or of the last one."""
    if run is None or state not in {"syncing", "retrying"}:
        return None
    return run.failures + 1 if state == "syncing" else run.failures


def _max_attempts(run: SyncRun | None) -> int:
    """Per step. The last error decides, also while the next attempt is running."""
    kind = CATALOGUE.get(run.error_code) if run else None
    return retry_policy.max_tries(kind, settings.SYNC_RETRY_DELAYS)


def _error_path(meeting: Meeting, run: SyncRun) -> str | None:
    """Places in the list of attendees are those that the failed try read."""
    return (run.error_path or None) if run.read_digest == meeting.content_digest else None


def _facts(document: dict[str, Any], crm: str, now: datetime, time_zone: str) -> dict[str, Any]:
    """What the texts name."""
    at = document["next_attempt_at"]
    error = document["error"] or {"title": "", "remedy": ""}
    return {
        "crm": crm,
        "when": moments.tell(at, now, time_zone) if at else "",
        "tries": document["attempt"],
        "position": document["position"] or 1,
        "max_tries": document["max_attempts"],
        **(document["progress"] or {}),
        **{name: error[name] for name in ("title", "remedy")},
    }


def _render_texts(
    document: dict[str, Any], words: StateMessage, facts: dict[str, Any]
) -> dict[str, Any]:
    """Headline, detail and next step, in words."""
    progress, at = document["progress"], document["next_attempt_at"]
    ends_about = progress["ends_about"] if progress and document["state"] == "syncing" else None
    headline = words.headline if at or not words.headline_when_due else words.headline_when_due
    upcoming = {
        "kind": words.kind,
        "at": at or ends_about,
        "by": words.actor or (document["error"] or {"who": "support"})["who"],
        "text": str(words.text).format_map(facts),
    }
    return {
        "headline": capitalize_first(str(headline).format_map(facts)),
        "detail": str(words.detail).format_map(facts),
        "next": upcoming | _prerequisite(document["actions"], words.kind, facts),
    }


def _prerequisite(shown: list[dict[str, str]], kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Replaces the next step if the person has to connect a CRM first."""
    first = shown[0]["name"]
    if kind in {"sync", "resolve"} and first in PREREQUISITES:
        return {"kind": first, "by": "you", "text": str(PREREQUISITES[first]).format_map(facts)}
    return {}


def _message_key(document: dict[str, Any], run: SyncRun | None, around: Surroundings) -> str:
    """The key of the matching message."""
    state, reason, records = document["state"], document["reason"], document["records"]
    is_partly = bool(records or document["last_sync_at"])
    match state:
        case "synced":
            return _key_of_synced(run, records)
        case "syncing" if document["attempt"] > 1:
            return "syncing_again"
        case "failed" | "canceled" if _case(state, run) != state:
            return _case(state, run)
        case "failed" if is_partly:
            return "failed_partly"
    if state == "paused" and _case(state, run) == "removing":
        return f"{reason}_removal"
    return _key_of_reason(state, reason, run, around)


def _key_of_reason(
    state: str, reason: str | None, run: SyncRun | None, around: Surroundings
) -> str:
    if reason == NO_WORKER and around.is_support_told:
        return "no_worker_told"
    if reason == SyncRun.WaitReason.RATE_LIMITED and run is not None:
        return "daily_quota" if run.error_code == "crm_daily_quota_used" else reason
    return reason if reason in MESSAGES else state


def _key_of_synced(run: SyncRun | None, records: list[dict[str, str]]) -> str:
    written = run.written if run else []
    remarks = {entry.get("remark") for entry in written if entry["action"] not in WITH_REASON}
    if remarks & {KEPT, LEFT}:
        return "synced_kept"
    if any(remarks):
        return "synced_partly"
    if _refused(written):
        return "synced_without"
    actions = {record["action"] for record in records} - {SKIPPED}
    return "unchanged" if actions == {RemoteRecord.Action.UNCHANGED} else "synced"


def _refused(written: list[dict[str, str]]) -> list[str]:
    """Whom the CRM did not accept; people who are left out on purpose do not count."""
    skipped = [entry for entry in written if entry["action"] == SKIPPED]
    return [entry["key"] for entry in skipped if entry["remark"] not in ON_PURPOSE]


def _describe_record(entry: dict[str, str], meeting: Meeting) -> dict[str, str | None]:
    names = {"meeting": meeting.title, "note": _("Notes")}
    name = names.get(entry["kind"]) or entry["name"] or _("Link")
    if entry["kind"] == "contact":
        name = entry["name"] or entry["key"]
    remark = entry.get("remark")  # Older runs have no remark.
    is_reason = entry["action"] in WITH_REASON
    return {
        "kind": entry["kind"],
        "name": f"{name} ({_(remark)})" if remark and not is_reason else name,
        "action": entry["action"],
        "reason": _(remark) if remark and is_reason else None,
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
