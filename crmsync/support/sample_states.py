"""One meeting in every state and with every error, for building and testing a frontend.

The one place that writes runs and connections directly instead of moving them.

Due times are a day ahead, so that running workers leave these meetings alone until then.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone, translation

from accounts.models import User
from crmsync.engine import remote_records
from crmsync.errors import CATALOGUE, Handling
from crmsync.fields import Sealed
from crmsync.models import Connection, SyncAttempt, SyncRun
from crmsync.providers.base import Ref
from crmsync.providers.sandbox import CONNECTION
from crmsync.status import delivery
from crmsync.status.error_messages import error_texts
from meetings import content, transitions
from meetings.models import Attendee, Meeting, SyncStep

Status = SyncRun.Status
State = Connection.State
SHOWN_FOR = timedelta(days=1)
STATES_USER = "states@example.com"


@dataclass(frozen=True)
class Sample:
    """A meeting's sync fields, its run's, if it has one, and its owner's connection."""

    name: str
    title: str
    owner: str = STATES_USER
    connection: str | None = State.CONNECTED
    last_error: str = ""
    meeting: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)


def _of_states() -> Iterator[Sample]:
    syncing = {"status": Status.RUNNING, "step": 2}
    other_syncs = {"status": Status.QUEUED, "wait_reason": SyncRun.WaitReason.OTHER_SYNCS}
    succeeded = {"status": Status.SUCCEEDED, "step": 3}
    cases: dict[str, dict[str, Any]] = {
        "not_connected": {"owner": "not-connected@example.com", "connection": None},
        "never_synced": {},
        "queued": {"run": {"status": Status.QUEUED}},
        "syncing": {"meeting": {"in_progress_sync_status": 2}, "run": syncing},
        "waiting": {"run": other_syncs},
        "paused": {
            "owner": "paused-by-support@example.com",
            "connection": State.PAUSED,
            "run": {"status": Status.QUEUED},
        },
        "synced": {"meeting": {"last_sync_success": True}, "run": succeeded},
        "out_of_date": {"meeting": {"last_sync_success": True}, "run": succeeded},
        "canceled": {"run": {"status": Status.CANCELED}},
        "removing": {
            "meeting": {"removing_since": timezone.now()},
            "run": {"status": Status.QUEUED, "step": SyncStep.NOTES, "removes": True},
        },
    }
    for state, values in cases.items():
        yield Sample(state, f"A meeting that is {state.replace('_', ' ')}", **values)


def _of_errors() -> Iterator[Sample]:
    for code, kind in CATALOGUE.items():
        title = error_texts(code, "sandbox", "e-mail address")["title"]
        yield Sample(code, title, **SAMPLES_OF[kind.handling](code))


def _retrying(code: str) -> dict[str, Any]:
    return {
        "meeting": {"in_progress_sync_status": 2, "last_sync_success": False},
        "run": {"status": Status.RETRYING, "step": 2, "failures": 1, "error_code": code},
    }


def _waiting(code: str) -> dict[str, Any]:
    reason = SyncRun.WaitReason.RATE_LIMITED
    return {"run": {"status": Status.QUEUED, "wait_reason": reason, "error_code": code}}


def _paused(code: str) -> dict[str, Any]:
    return {
        "owner": f"{code.replace('_', '-')}@example.com",
        "connection": State.NEEDS_REAUTH,
        "last_error": code,
        "run": {"status": Status.QUEUED, "error_code": code},
    }


def _failed(code: str) -> dict[str, Any]:
    why = {
        "error_field": "e-mail address",
        "error_detail": "bob@@example.com is not a valid address",
    }
    if code == "attempts_exhausted":
        why = {"error_cause": "crm_timeout"}
    return {
        "meeting": {"last_sync_success": False},
        "run": {"status": Status.FAILED, "error_code": code, **why},
    }


SAMPLES_OF = {
    Handling.RETRY: _retrying,
    Handling.WAIT: _waiting,
    Handling.HOLD: _paused,
    Handling.GIVE_UP: _failed,
}


def make(hashed_password: str) -> list[str]:
    """Returns the owners' e-mail addresses."""
    samples = [*_of_states(), *_of_errors()]
    for sample in samples:
        owner, _ = User.objects.get_or_create(
            email=sample.owner, defaults={"password": hashed_password}
        )
        if sample.connection:
            _connect(owner, sample)
        _show(sample, owner)
    return sorted({sample.owner for sample in samples})


def documents(language: str) -> list[dict[str, Any]]:
    """What each owner reads, as `{"name", "sync"}`; without those that nobody has made."""
    now = timezone.now()
    with translation.override(language):
        samples = [*_of_states(), *_of_errors()]
        meetings = Meeting.objects.select_related("user__connection").in_bulk(
            [_key(sample) for sample in samples], field_name="key"
        )
        return [
            {"name": sample.name, "sync": _read(meetings[_key(sample)], now)}
            for sample in samples
            if _key(sample) in meetings
        ]


def _read(meeting: Meeting, now: datetime) -> dict[str, Any]:
    runs = SyncRun.objects.latest_of(meeting).select_related("connection__host")
    return delivery.build(meeting, runs.first(), now)


def _key(sample: Sample) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"https://example.com/sample/{sample.name}")


def _connect(user: User, sample: Sample) -> None:
    standing = {"state": sample.connection, "last_error": sample.last_error}
    credentials = {"credentials": Sealed.seal({})}
    Connection.objects.update_or_create(
        user=user,
        defaults=CONNECTION | standing,
        create_defaults=CONNECTION | standing | credentials,
    )


@transaction.atomic
def _show(sample: Sample, owner: User) -> None:
    """Creates or resets the sample's meeting."""
    now = timezone.now()
    content = {"user": owner, "title": sample.title, "starts_at": now}
    meeting, _ = Meeting.objects.update_or_create(
        key=_key(sample),
        defaults={**content, "ends_at": now + timedelta(hours=1)},
    )
    Attendee.objects.get_or_create(meeting=meeting, email="ann@acme.example", name="Ann Lee")
    transitions.record_content(meeting.pk)
    blank = {"in_progress_sync_status": None, "last_sync_success": None}
    last_sync_at = now if sample.meeting.get("last_sync_success") else None
    Meeting.objects.filter(pk=meeting.pk).update(
        **{**blank, **sample.meeting, "last_sync_at": last_sync_at}
    )
    meeting.sync_runs.all().delete()
    if sample.run:
        _add_run(meeting, owner, sample)
    transitions.touch(meeting.pk)


def _add_run(meeting: Meeting, owner: User, sample: Sample) -> None:
    now = timezone.now()
    ended = sample.run["status"] not in SyncRun.ACTIVE
    meeting.refresh_from_db(fields=["content_digest"])
    older = content.CHANGED if sample.name == "out_of_date" else meeting.content_digest
    run = SyncRun.objects.create(
        meeting=meeting,
        connection=owner.connection,
        requested_by=owner,
        due_at=now + SHOWN_FOR,
        started_at=now,
        step_started_at=now,
        read_digest=meeting.content_digest,
        written_digest=older,
        account_number=owner.connection.account_number,
        finished_at=now if ended else None,
        **sample.run,
    )
    if run.status == Status.SUCCEEDED:
        refs = [
            Ref("contact", "ann@acme.example", "1", "created"),
            Ref("meeting", str(meeting.key), "2", "created"),
        ]
        remote_records.store(run, refs)
        SyncRun.objects.filter(pk=run.pk).update(written=remote_records.add_written(run, refs))
    elif run.error_code or run.status == Status.RUNNING:
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
