"""Rows for every state of a sync, and a clock that stands still."""

from datetime import UTC, datetime, timedelta

from crmsync.models import Connection, SyncRun
from crmsync.status.document import describe
from meetings.models import Meeting

NOW = datetime(2026, 9, 1, 14, 31, 33, tzinfo=UTC)
LATER = NOW + timedelta(seconds=12)
BEFORE = NOW - timedelta(hours=1)

CONNECTED = {"state": "connected"}
HELD = {"state": "needs_reauth", "last_error": "connection_expired"}
UNAVAILABLE = {"error_code": "crm_unavailable", "failures": 1, "due_at": LATER}
SYNCED = {"last_sync_success": True, "last_sync_at": BEFORE}

# state: (meeting, run, connection)
CASES = {
    "not_connected": ({}, None, None),
    "never_synced": ({}, None, CONNECTED),
    "queued": ({}, {"status": "queued"}, CONNECTED),
    "syncing": ({"in_progress_sync_status": 2}, {"status": "running", "step": 2}, CONNECTED),
    "waiting": ({}, {"status": "queued", "wait_reason": "other_syncs"}, CONNECTED),
    "retrying": (
        {"in_progress_sync_status": 2, "last_sync_success": False},
        {"status": "retrying", "step": 2, **UNAVAILABLE},
        CONNECTED,
    ),
    "paused": ({}, {"status": "queued"}, HELD),
    "synced": (SYNCED, {"status": "succeeded"}, CONNECTED),
    "out_of_date": (SYNCED, {"status": "succeeded", "written_digest": "older"}, CONNECTED),
    "failed": (
        {"last_sync_success": False},
        {"status": "failed", "error_code": "attempts_exhausted", "error_cause": "crm_timeout"},
        CONNECTED,
    ),
    "canceled": ({}, {"status": "canceled"}, CONNECTED),
    "removing": (
        {"in_progress_sync_status": 3, "removing_since": BEFORE},
        {"status": "running", "step": 3, "removes": True},
        CONNECTED,
    ),
}


# Other faces of the same states.
MORE_CASES = {
    "second try": (
        {"in_progress_sync_status": 1},
        {"status": "running", "failures": 1},
        CONNECTED,
    ),
    "rate_limited": ({}, {"status": "queued"}, {**CONNECTED, "not_before": LATER}),
    "failed_removal": (
        {"last_sync_success": False, "removing_since": BEFORE},
        {"status": "failed", "removes": True, "error_code": "permission_missing"},
        CONNECTED,
    ),
    "by_support": ({}, {"status": "queued"}, {"state": "paused"}),
    "permission": (
        {},
        {"status": "queued"},
        {"state": "needs_reauth", "last_error": "permission_missing"},
    ),
    "rejected": (
        {"last_sync_success": False},
        {
            "status": "failed",
            "error_code": "record_rejected",
            "error_field": "e-mail address",
            "error_detail": "bob@@x is not valid",
        },
        CONNECTED,
    ),
}


def build(meeting, run, connection):
    link = connection and Connection(provider="sandbox", account_name="Acme", **connection)
    made = run and SyncRun(connection=link, **{"due_at": NOW, "reference": "SY-1", **run})
    return Meeting(pk=1, **meeting), made, link


def document(meeting, run, connection):
    return describe(*build(meeting, run, connection), NOW)
