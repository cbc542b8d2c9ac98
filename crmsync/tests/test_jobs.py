import json
from datetime import timedelta

import django_rq
import pytest
import time_machine
from cryptography.fernet import Fernet
from django.db import InterfaceError, InternalError, OperationalError
from django.utils import timezone

from crmsync import jobs
from crmsync.engine import outcomes, remote_records, steps
from crmsync.errors import CATALOGUE, CrmError
from crmsync.models import Incident, RemoteRecord, SandboxRecord, SyncAttempt, SyncRun
from crmsync.operations import syncs
from crmsync.providers.base import Ref
from crmsync.providers.sandbox import Sandbox
from meetings.models import SyncStep

pytestmark = pytest.mark.django_db(transaction=True)

Status = SyncRun.Status


@pytest.fixture
def sync(connection, settle):
    def run_to_the_end(meeting):
        run, _ = syncs.request_sync(meeting, by=None)
        settle()
        run.refresh_from_db()
        meeting.refresh_from_db()
        return run

    return run_to_the_end


def test_write_the_contacts_the_meeting_and_the_notes(sync, meeting):
    run = sync(meeting)
    assert run.status == Status.SUCCEEDED
    assert (meeting.in_progress_sync_status, meeting.last_sync_success) == (None, True)
    kinds = SandboxRecord.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["contact", "contact", "meeting", "note"]
    known = remote_records.for_meeting(meeting).values_list("kind", flat=True)
    assert list(known) == ["contact", "contact", "link", "link", "meeting", "note"]
    attempts = SyncAttempt.objects.values_list("step", "number", "outcome")
    assert list(attempts) == [(step, 1, "succeeded") for step in (1, 2, 3)]


def test_write_nothing_new_the_second_time(sync, meeting):
    sync(meeting)
    sync(meeting)
    assert SandboxRecord.objects.count() == 4
    written = RemoteRecord.objects.exclude(kind="link")
    assert set(written.values_list("action", flat=True)) == {"unchanged"}


def test_write_a_meeting_without_attendees_or_notes(sync, make_meeting):
    assert sync(make_meeting(notes="")).status == Status.SUCCEEDED
    assert SandboxRecord.objects.get().kind == "meeting"


def test_try_again_after_failures(sync, make_meeting):
    run = sync(make_meeting("unavailable.step2.x2@sandbox.invalid"))
    assert run.status == Status.SUCCEEDED
    tries = run.attempts.filter(step=SyncStep.MEETING).values_list("number", "outcome")
    assert list(tries) == [(1, "failed"), (2, "failed"), (3, "succeeded")]


@pytest.mark.parametrize(
    ("fault", "code", "cause"),
    [
        ("rejected", "record_rejected", ""),
        ("unavailable", "attempts_exhausted", "crm_unavailable"),
        ("locked", "attempts_exhausted", "record_locked"),
        ("timeout", "attempts_exhausted", "crm_timeout"),
        ("bug", "unexpected_error", ""),
    ],
)
def test_give_up_with_the_reason(sync, make_meeting, fault, code, cause):
    meeting = make_meeting(f"{fault}@sandbox.invalid")
    run = sync(meeting)
    assert (run.status, run.error_code, run.error_cause) == (Status.FAILED, code, cause)
    assert (meeting.in_progress_sync_status, meeting.last_sync_success) == (None, False)


def test_keep_the_traceback_of_a_bug_for_staff_only(sync, make_meeting):
    run = sync(make_meeting("bug@sandbox.invalid"))
    attempt = run.attempts.first()
    assert "RuntimeError" in attempt.internal_message
    assert "Traceback" not in run.error_detail


def test_keep_the_cause_when_what_a_provider_returned_cannot_be_stored(sync, meeting, monkeypatch):
    broken = [Ref("contact", "ann@acme.example", None, "created")]
    monkeypatch.setattr("crmsync.providers.sandbox.Sandbox.upsert_contacts", lambda *_: broken)
    run = sync(meeting)
    assert (run.status, run.error_code) == (Status.FAILED, "unexpected_error")
    assert "IntegrityError" in run.attempts.last().internal_message


@pytest.mark.parametrize("method", ["upsert_meeting", "add_notes"])
def test_write_again_what_was_deleted_in_the_crm(sync, meeting, monkeypatch, method):
    sync(meeting)
    RemoteRecord.objects.filter(kind="meeting").update(remote_id="deleted")
    write = getattr(Sandbox, method)

    def miss_what_was_deleted(self, *args):
        if "deleted" in str(args):
            raise CrmError("record_deleted")
        return write(self, *args)

    monkeypatch.setattr(Sandbox, method, miss_what_was_deleted)
    assert sync(meeting).status == Status.SUCCEEDED
    assert RemoteRecord.objects.get(kind="meeting").remote_id != "deleted"


def test_remember_a_record_that_a_provider_names_twice(sync, make_meeting, monkeypatch):
    twice = [Ref("contact", "ann@acme.example", pk, "created") for pk in ("1", "2")]
    monkeypatch.setattr(Sandbox, "upsert_contacts", lambda *_: twice)
    assert sync(make_meeting("ann@acme.example")).status == Status.SUCCEEDED
    assert RemoteRecord.objects.get(kind="contact").remote_id == "2"


def test_link_an_attendee_who_joined_after_the_first_step(connection, meeting):
    run, _ = syncs.request_sync(meeting, by=None)
    jobs.sync_contacts(run.pk)
    meeting.attendees.create(email="late@acme.example")
    jobs.sync_meeting(run.pk)
    assert "late@acme.example" in SandboxRecord.objects.get(kind="meeting").data["contacts"]
    assert RemoteRecord.objects.filter(kind="contact").count() == 3


def test_remember_a_contact_that_two_meetings_share(sync, meeting, make_meeting):
    sync(meeting)
    sync(make_meeting("ann@acme.example"))
    assert remote_records.for_meeting(meeting).filter(kind="contact").count() == 2


def test_hold_when_the_connection_is_refused(sync, make_meeting, connection):
    run = sync(make_meeting("reconnect@sandbox.invalid"))
    connection.refresh_from_db()
    assert (run.status, connection.state) == (Status.QUEUED, "needs_reauth")


def test_take_keys_that_open_nothing_as_our_mistake(sync, meeting, connection, settings):
    settings.CREDENTIALS_KEYS = [Fernet.generate_key().decode()]
    assert sync(meeting).error_code == "unexpected_error"
    assert SyncAttempt.objects.count() == CATALOGUE["unexpected_error"].tries
    connection.refresh_from_db()
    assert (connection.state, connection.last_error) == ("connected", "")
    assert Incident.objects.get().cause == "unexpected_error"


def test_forget_nothing_when_the_database_is_away_for_a_moment(connection, meeting, monkeypatch):
    run, _ = syncs.request_sync(meeting, by=None)
    complete, calls = outcomes.complete_step, []

    def fail_once(claim, refs):
        calls.append(claim)
        if len(calls) == 1:
            raise OperationalError("terminating connection")
        complete(claim, refs)

    monkeypatch.setattr(outcomes, "complete_step", fail_once)
    monkeypatch.setattr(steps, "COMMIT_PAUSE", 0)
    jobs.sync_contacts(run.pk)
    run.refresh_from_db()
    assert (run.step, run.failures, len(calls)) == (SyncStep.MEETING, 0, 2)


@pytest.mark.parametrize("error", [OperationalError, InternalError, InterfaceError])
def test_leave_a_run_to_the_dispatcher_while_the_database_is_away(
    connection, meeting, monkeypatch, error
):
    def fail(*_):
        raise error("the server closed the connection")

    run, _ = syncs.request_sync(meeting, by=None)
    monkeypatch.setattr(Sandbox, "upsert_contacts", fail)
    jobs.sync_contacts(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("running", "")


def test_do_nothing_when_hinted_at_twice_late_or_for_nobody(sync, meeting):
    run = sync(meeting)
    for job in (jobs.sync_contacts, jobs.sync_meeting, jobs.sync_notes):
        job(run.pk)
        job(999_999)
    assert SyncAttempt.objects.count() == 3
    assert SandboxRecord.objects.count() == 4


def test_stop_before_the_next_call_when_canceled(connection, meeting, monkeypatch):
    run, _ = syncs.request_sync(meeting, by=None)

    def canceled_meanwhile(*_):
        syncs.cancel(meeting.pk)

    monkeypatch.setattr("crmsync.providers.sandbox_faults.Faults._due_fault", canceled_meanwhile)
    jobs.sync_contacts(run.pk)
    run.refresh_from_db()
    assert run.status == Status.CANCELED
    assert not SandboxRecord.objects.exists()
    assert SyncAttempt.objects.get().outcome == "interrupted"


def test_survive_the_deletion_of_the_meeting_under_them(connection, meeting, monkeypatch):
    run, _ = syncs.request_sync(meeting, by=None)
    monkeypatch.setattr(
        "crmsync.providers.sandbox.Sandbox.upsert_contacts", lambda *_: meeting.delete() and []
    )
    jobs.sync_contacts(run.pk)
    assert not SyncRun.objects.exists()
    assert not RemoteRecord.objects.exists()


def test_log_each_start_and_each_end(sync, make_meeting, caplog):
    caplog.set_level("INFO", "crmsync")
    run = sync(make_meeting("unavailable.x1@sandbox.invalid"))
    ends = [
        (r.getMessage(), r.run, r.step)
        for r in caplog.records
        if r.name.startswith("crmsync.engine")
    ]
    failed, succeeded = (
        ("step failed", run.pk, 1),
        [("step succeeded", run.pk, n) for n in (1, 2, 3)],
    )
    assert [end for end in ends if end[0] != "step started"] == [failed, *succeeded]
    assert [end[2] for end in ends if end[0] == "step started"] == [1, 1, 2, 3]


def test_end_a_step_at_its_deadline(connection, make_meeting, settings, monkeypatch):
    settings.SYNC_STEP_SECONDS = 2.5
    monkeypatch.setattr("time.sleep", lambda seconds: clock.shift(timedelta(seconds=seconds)))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        run, _ = syncs.request_sync(make_meeting("slow@sandbox.invalid"), by=None)
        jobs.sync_contacts(run.pk)
    attempt = SyncAttempt.objects.get()
    assert (attempt.outcome, attempt.error_code) == ("failed", "crm_timeout")
    assert (attempt.finished_at - attempt.started_at).total_seconds() == 3


def test_carry_only_ids(connection, meeting):
    run, _ = syncs.request_sync(meeting, by=None)
    (job,) = django_rq.get_queue("crmsync").jobs
    assert json.loads(job.data) == ["crmsync.jobs.sync_contacts", None, [run.pk], {}]
