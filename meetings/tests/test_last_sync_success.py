import pytest
from django.db import transaction
from django.utils import timezone

from conftest import api_of
from meetings import transitions
from meetings.models import SyncStep

pytestmark = pytest.mark.django_db


def path(meeting):
    return f"/meetings/{meeting.pk}/last_sync_success"


def test_is_exactly_this_before_the_first_sync(own_api, meeting):
    assert own_api.get(path(meeting)).content == b'{"last_sync_success":null}'


def test_is_true_after_a_success_and_false_after_a_failure(own_api, meeting):
    with transaction.atomic():
        transitions.start_step(meeting.pk, SyncStep.NOTES)
        transitions.record_success(meeting.pk, timezone.now())
    assert own_api.get(path(meeting)).content == b'{"last_sync_success":true}'
    with transaction.atomic():
        transitions.record_failure(meeting.pk)
    assert own_api.get(path(meeting)).content == b'{"last_sync_success":false}'


def test_of_another_user_does_not_exist(meeting, stranger):
    assert api_of(stranger).get(path(meeting)).status_code == 404
