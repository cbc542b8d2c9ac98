"""`synced` means that the CRM holds what the meeting is now, whatever the clocks say."""

from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from conftest import in_threads
from crmsync.engine import claims, outcomes, steps
from crmsync.errors import CrmError
from crmsync.models import SandboxRecord, SyncRun
from crmsync.operations import syncs
from crmsync.operations.requeue import requeue
from crmsync.status import delivery
from meetings.models import Attendee, Meeting, SyncStep
from meetings.serializers import MeetingSerializer

pytestmark = pytest.mark.django_db(transaction=True)


def edit(meeting, **change):
    serializer = MeetingSerializer(Meeting.objects.get(pk=meeting.pk), data=change, partial=True)
    serializer.is_valid(raise_exception=True)
    serializer.save()


def state_of(meeting):
    run = SyncRun.objects.latest_of(meeting).select_related("connection").first()
    return delivery.build(Meeting.objects.get(pk=meeting.pk), run, timezone.now())["state"]


def title_in_crm(meeting):
    return SandboxRecord.objects.get(kind="meeting", key=str(meeting.key)).data["title"]


@pytest.fixture
def run(connection, meeting):
    """A run whose first step is done."""
    run, _ = syncs.request_sync(meeting, by=None)
    steps.perform(run.pk, SyncStep.CONTACTS)
    return run


@pytest.fixture
def synced(run, meeting):
    steps.perform(run.pk, SyncStep.MEETING)
    steps.perform(run.pk, SyncStep.NOTES)
    assert state_of(meeting) == "synced"
    return meeting


def retry(run, step):
    SyncRun.objects.filter(pk=run.pk).update(due_at=timezone.now())
    steps.perform(run.pk, step)


def test_after_an_edit_between_two_tries_that_the_second_one_wrote(run, meeting):
    outcomes.fail_step(claims.claim(run.pk, SyncStep.MEETING), CrmError("crm_unavailable"))
    edit(meeting, title="Moved")
    retry(run, SyncStep.MEETING)
    steps.perform(run.pk, SyncStep.NOTES)
    assert (title_in_crm(meeting), state_of(meeting)) == ("Moved", "synced")


def test_after_an_edit_that_was_taken_back(synced):
    before = synced.title
    edit(synced, title="Moved")
    assert state_of(synced) == "out_of_date"
    edit(synced, title=before)
    assert state_of(synced) == "synced"


def test_whatever_the_order_of_the_attendees(synced):
    people = list(synced.attendees.values("email", "name"))
    edit(synced, attendees=people[::-1])
    assert state_of(synced) == "synced"


@pytest.mark.parametrize("seconds", [-2, -3600, 3600])
def test_not_after_an_edit_on_a_host_with_another_clock(run, meeting, seconds):
    steps.perform(run.pk, SyncStep.MEETING)
    with time_machine.travel(timezone.now() + timedelta(seconds=seconds)):
        edit(meeting, title="Moved")
    retry(run, SyncStep.NOTES)
    assert (title_in_crm(meeting), state_of(meeting)) == ("Kick-off", "out_of_date")


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Moved"},
        {"location": "Elsewhere"},
        {"starts_at": "2026-01-01T10:00:00Z"},
        {"attendees": []},
        {"attendees": [{"email": "ann@acme.example", "name": "Ann Lee"}]},
    ],
)
def test_not_after_an_edit_that_came_too_late_for_its_step(run, meeting, change):
    steps.perform(run.pk, SyncStep.MEETING)
    edit(meeting, **change)
    steps.perform(run.pk, SyncStep.NOTES)
    assert state_of(meeting) == "out_of_date"


def test_not_where_a_person_was_renamed_after_the_contacts_were_saved(run, meeting):
    people = [{"email": person.email, "name": "Ann Lee"} for person in meeting.attendees.all()]
    edit(meeting, attendees=people)
    steps.perform(run.pk, SyncStep.MEETING)
    steps.perform(run.pk, SyncStep.NOTES)
    assert state_of(meeting) == "out_of_date"


def test_is_told_by_the_content_though_its_writer_forgot_to_record_it(connection, meeting, settle):
    Attendee.objects.filter(meeting=meeting).delete()
    syncs.request_sync(meeting, by=None)
    settle()
    assert state_of(meeting) == "synced"


def test_holds_where_an_edit_and_a_claim_overlap(connection, make_meeting):
    meetings = [make_meeting("ann@acme.example") for _ in range(6)]
    for meeting in meetings:
        fail_at_the_meeting(meeting)
        requeue(meeting, by=None)

    def edit_slowly(meeting):
        with transaction.atomic():
            edit(meeting, title="NEW")
            edit(meeting, notes="NEW")

    for meeting in meetings:
        run = SyncRun.objects.active().get(meeting=meeting)
        assert run.step == SyncStep.MEETING
        in_threads(
            lambda m=meeting: edit_slowly(m),
            lambda r=run: steps.perform(r.pk, SyncStep.MEETING),
        )
        finish(run)
        expected = "synced" if title_in_crm(meeting) == "NEW" else "out_of_date"
        assert state_of(meeting) == expected


def fail_at_the_meeting(meeting):
    run, _ = syncs.request_sync(meeting, by=None)
    retry(run, SyncStep.CONTACTS)
    outcomes.fail_step(claims.claim(run.pk, SyncStep.MEETING), CrmError("record_rejected"))


def finish(run):
    """Whatever step it has come to; one that found an edited meeting begins anew."""
    for _ in range(4):
        run.refresh_from_db()
        retry(run, SyncStep(run.step))
    run.refresh_from_db()
    assert run.status == "succeeded"
