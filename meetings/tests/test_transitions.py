import pytest
from django.db import transaction
from django.utils import timezone

from meetings import transitions
from meetings.models import Meeting, SyncStep
from meetings.transitions import TransitionRefusedError

pytestmark = pytest.mark.django_db


def fields(meeting):
    meeting.refresh_from_db()
    return meeting.in_progress_sync_status, meeting.last_sync_success


@pytest.fixture(autouse=True)
def _in_a_transaction(db):
    with transaction.atomic():
        yield


def test_go_through_the_steps_to_success(meeting):
    for step in SyncStep:
        transitions.start_step(meeting.pk, step)
        assert fields(meeting) == (step, None)
    now = timezone.now()
    transitions.record_success(meeting.pk, now)
    assert fields(meeting) == (None, True)
    assert meeting.last_sync_at == now


def test_let_a_retry_start_the_same_step_again(meeting):
    transitions.start_step(meeting.pk, SyncStep.MEETING)
    transitions.record_failed_attempt(meeting.pk)
    transitions.start_step(meeting.pk, SyncStep.MEETING)
    assert fields(meeting) == (SyncStep.MEETING, False)


def test_keep_the_last_success_when_a_sync_is_stopped(meeting):
    transitions.start_step(meeting.pk, SyncStep.NOTES)
    transitions.record_success(meeting.pk, timezone.now())
    transitions.start_step(meeting.pk, SyncStep.CONTACTS)
    transitions.clear_progress(meeting.pk)
    assert fields(meeting) == (None, True)


def test_never_go_back_a_step(meeting):
    transitions.start_step(meeting.pk, SyncStep.NOTES)
    with pytest.raises(TransitionRefusedError):
        transitions.start_step(meeting.pk, SyncStep.MEETING)


def test_know_no_success_before_the_last_step(meeting):
    transitions.start_step(meeting.pk, SyncStep.MEETING)
    with pytest.raises(TransitionRefusedError):
        transitions.record_success(meeting.pk, timezone.now())


def test_know_no_failed_attempt_of_an_idle_meeting(meeting):
    with pytest.raises(TransitionRefusedError):
        transitions.record_failed_attempt(meeting.pk)


def test_refuse_a_meeting_that_is_gone():
    with pytest.raises(TransitionRefusedError):
        transitions.start_step(999_999, SyncStep.CONTACTS)


def test_count_every_change(meeting):
    transitions.start_step(meeting.pk, SyncStep.CONTACTS)
    transitions.record_failure(meeting.pk)
    assert Meeting.objects.get().version == 2
