"""What a person reads about a sync: the one place that decides a state or a text. It is pure."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from crmsync import policy
from crmsync.errors import CATALOGUE
from crmsync.models import Connection, SyncRun
from crmsync.providers import PROVIDERS
from meetings.models import Meeting

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
    "retrying": ["cancel"],
    "paused": ["reconnect", "cancel"],
    "synced": ["sync"],
    "out_of_date": ["sync"],
    "failed": ["sync", "help"],
    "canceled": ["sync"],
}
POLL_AFTER = {"idle": 60, "active": 2, "waiting": 30, "done": 60, "stopped": None}
IN_LINE_POLL_AFTER = 5  # Due, and its turn may come any moment.
STATES_WITH_ERROR = {"retrying", "paused", "failed"}


def describe(
    meeting: Meeting, run: SyncRun | None, connection: Connection | None, now: datetime
) -> dict[str, Any]:
    """The document of one meeting. `run` is its latest, `connection` its owner's, if any."""
    state = state_of(meeting, run, connection, now)
    error_code = _error_code(state, run)
    next_attempt_at = _next_attempt_at(state, run, now)
    return {
        "meeting_id": meeting.pk,
        "state": state,
        "phase": PHASES[state],
        "reason": _reason(state, run, now) or error_code or None,
        "actions": ACTIONS[state],
        "poll_after": _poll_after(state, next_attempt_at, now),
        "attempt": run.failures + 1 if run and state in {"syncing", "retrying"} else None,
        "max_attempts": policy.max_tries(CATALOGUE.get(error_code), settings.SYNC_RETRY_DELAYS),
        "next_attempt_at": next_attempt_at,
        "error": describe_error(run, error_code) if run and error_code else None,
        "in_progress_sync_status": meeting.in_progress_sync_status,
        "last_sync_success": meeting.last_sync_success,
        "last_sync_at": meeting.last_sync_at,
        "connection": _describe_connection(connection),
    }


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


def _poll_after(state: str, next_attempt_at: datetime | None, now: datetime) -> int | None:
    longest = POLL_AFTER[PHASES[state]]
    if state in {"waiting", "retrying"} and next_attempt_at is None:
        return IN_LINE_POLL_AFTER
    if next_attempt_at is None or longest is None:
        return longest
    return max(1, min(longest, int((next_attempt_at - now).total_seconds()) + 1))


def describe_error(run: SyncRun, code: str) -> dict[str, Any]:
    """Why a run does not go on, in words, and what to do."""
    kind = CATALOGUE[code]
    return {
        "code": code,
        "category": kind.category,
        **error_texts(code, run.connection.provider, run.error_field, _detail(run)),
        "who": kind.who,
        "retryable": run.status in SyncRun.ACTIVE,
        "help_url": f"/help/{code}",
        "reference": run.reference,
    }


def error_texts(code: str, provider: str = "", field: str = "", detail: str = "") -> dict[str, str]:
    """Title, message and remedy of an error code, in the words of one CRM or of none."""
    kind = CATALOGUE[code]
    words = {
        "crm": PROVIDERS[provider].name if provider else _("your CRM"),
        "field": field or _("data"),
        "detail": detail or _("(here it gives the reason)"),
    }
    texts = {"title": kind.title, "message": kind.message, "remedy": kind.remedy}
    return {name: _sentence(str(text).format_map(words)) for name, text in texts.items()}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _detail(run: SyncRun) -> str:
    if not run.error_cause:
        return run.error_detail
    return error_texts(run.error_cause, run.connection.provider)["title"]


def _describe_connection(connection: Connection | None) -> dict[str, Any] | None:
    if connection is None:
        return None
    return {
        "state": connection.state,
        "provider": connection.provider,
        "account": connection.account_name,
    }
