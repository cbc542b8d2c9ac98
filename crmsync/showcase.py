"""One meeting in every state, for whoever builds or supports a frontend.

The one place that writes runs and connections as they would be, instead of moving them.

Due times lie a day ahead, so that running workers leave the meetings as they are until then.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from crmsync.fields import Sealed
from crmsync.models import Connection, SyncAttempt, SyncRun
from crmsync.providers.sandbox import CONNECTION
from meetings.models import Meeting, SyncStep

Status = SyncRun.Status
State = Connection.State
SHOWN_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Sample:
    """A meeting's sync fields, and its run's, if it has one."""

    owner: str
    meeting: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)


STATES_USER = "states@example.com"
PAUSED_USER = "paused@example.com"
NOT_CONNECTED_USER = "not-connected@example.com"
OWNERS = (STATES_USER, PAUSED_USER, NOT_CONNECTED_USER)
RETRYING_STEP_2 = {"status": Status.RETRYING, "step": 2, "failures": 2, "attempt": 3}

SAMPLES = {
    "not_connected": Sample(NOT_CONNECTED_USER),
    "never_synced": Sample(STATES_USER),
    "queued": Sample(STATES_USER, run={"status": Status.QUEUED}),
    "syncing": Sample(
        STATES_USER, {"in_progress_sync_status": 2}, {"status": Status.RUNNING, "step": 2}
    ),
    "waiting": Sample(
        STATES_USER, run={"status": Status.QUEUED, "wait_reason": SyncRun.WaitReason.OTHER_SYNCS}
    ),
    "retrying": Sample(
        STATES_USER,
        {"in_progress_sync_status": 2, "last_sync_success": False},
        {**RETRYING_STEP_2, "error_code": "crm_unavailable"},
    ),
    "paused": Sample(
        PAUSED_USER, run={"status": Status.QUEUED, "error_code": "connection_expired"}
    ),
    "synced": Sample(
        STATES_USER, {"last_sync_success": True}, {"status": Status.SUCCEEDED, "step": 3}
    ),
    "out_of_date": Sample(
        STATES_USER, {"last_sync_success": True}, {"status": Status.SUCCEEDED, "step": 3}
    ),
    "failed": Sample(
        STATES_USER,
        {"last_sync_success": False},
        {
            "status": Status.FAILED,
            "error_code": "record_rejected",
            "error_field": "e-mail address",
            "error_detail": "bob@@example.com is not a valid address",
        },
    ),
    "canceled": Sample(STATES_USER, run={"status": Status.CANCELED}),
}


def make(hashed_password: str) -> None:
    owners = {
        email: User.objects.get_or_create(email=email, defaults={"password": hashed_password})[0]
        for email in OWNERS
    }
    _connect(owners[STATES_USER], State.CONNECTED)
    _connect(owners[PAUSED_USER], State.NEEDS_REAUTH)
    for state, sample in SAMPLES.items():
        _show(state, sample, owners[sample.owner])


def _connect(user: User, state: str) -> None:
    held = state == State.NEEDS_REAUTH
    standing = {"state": state, "last_error": "connection_expired" if held else ""}
    credentials = {"credentials": Sealed.seal({})}
    Connection.objects.update_or_create(
        user=user,
        defaults=CONNECTION | standing,
        create_defaults=CONNECTION | standing | credentials,
    )


def _show(state: str, sample: Sample, owner: User) -> None:
    """Makes the meeting anew: what a state needs may have changed since."""
    now = timezone.now()
    key = uuid.uuid5(uuid.NAMESPACE_URL, f"https://example.com/state/{state}")
    Meeting.objects.filter(key=key).delete()
    meeting = Meeting.objects.create(
        key=key,
        user=owner,
        title=f"A meeting that is {state.replace('_', ' ')}",
        starts_at=now,
        ends_at=now + timedelta(hours=1),
        last_sync_at=now if sample.meeting.get("last_sync_success") else None,
        **sample.meeting,
    )
    if sample.run:
        # Content that changed after the run began has not reached the CRM.
        started_at = now - timedelta(minutes=1) if state == "out_of_date" else timezone.now()
        _add_run(meeting, owner, sample, started_at)


def _add_run(meeting: Meeting, owner: User, sample: Sample, started_at: datetime) -> None:
    ended = sample.run["status"] not in SyncRun.ACTIVE
    run = SyncRun.objects.create(
        meeting=meeting,
        connection=owner.connection,
        requested_by=owner,
        due_at=timezone.now() + SHOWN_FOR,
        started_at=started_at,
        finished_at=timezone.now() if ended else None,
        **sample.run,
    )
    if run.error_code or run.status == Status.RUNNING:
        _add_attempt(run)


def _add_attempt(run: SyncRun) -> None:
    under_way = run.status == Status.RUNNING
    SyncAttempt.objects.create(
        run=run,
        claim=run.attempt,
        step=SyncStep(run.step),
        number=run.failures or 1,
        started_at=run.started_at or run.created_at,
        finished_at=None if under_way else timezone.now(),
        outcome="" if under_way else SyncAttempt.Outcome.FAILED,
        error_code=run.error_code,
    )
