from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from conftest import api_of, in_threads, start_step
from meetings.models import SyncStep

pytestmark = pytest.mark.django_db


def path(meeting):
    return f"/meetings/{meeting.pk}/sync_status"


def test_is_exactly_this_before_the_first_sync(own_api, meeting):
    response = own_api.get(path(meeting))
    assert response.status_code == 200
    assert response.content == b'{"in_progress_sync_status":null}'


@pytest.mark.parametrize("step", SyncStep)
def test_is_the_step_in_progress(own_api, meeting, step):
    start_step(meeting, step)
    assert own_api.get(path(meeting)).content == b'{"in_progress_sync_status":%d}' % step


def test_comes_from_redis_on_a_hit(own_api, meeting, django_assert_num_queries):
    with django_assert_num_queries(2):  # The user and the meeting.
        own_api.get(path(meeting))
    with django_assert_num_queries(0):
        own_api.get(path(meeting))
        start_free = own_api.get(f"/meetings/{meeting.pk}/last_sync_success")
    assert start_free.json() == {"last_sync_success": None}


def test_comes_from_redis_right_after_a_change(own_api, meeting, django_assert_num_queries):
    own_api.get(path(meeting))
    start_step(meeting, SyncStep.MEETING)
    with django_assert_num_queries(0):
        assert own_api.get(path(meeting)).json() == {"in_progress_sync_status": 2}


def test_answers_the_same_without_redis(own_api, meeting, unreachable_redis):
    start_step(meeting, SyncStep.NOTES)
    assert own_api.get(path(meeting)).json() == {"in_progress_sync_status": 3}


def test_of_another_user_does_not_exist_even_when_cached(own_api, meeting, stranger):
    own_api.get(path(meeting))
    response = api_of(stranger).get(path(meeting))
    assert response.status_code == 404
    assert response.json() == own_api.get("/meetings/999999/sync_status").json()


def test_is_gone_with_the_meeting(own_api, meeting):
    own_api.get(path(meeting))
    own_api.delete(f"/meetings/{meeting.pk}")
    assert own_api.get(path(meeting)).status_code == 404


def test_costs_one_round_trip_to_redis(own_api, meeting, redis_commands):
    own_api.get(path(meeting))
    with redis_commands() as commands:
        own_api.get(path(meeting))
    assert [command[0] for command in commands] == ["MGET"]


@pytest.mark.django_db(transaction=True)
def test_of_a_cold_meeting_is_read_once_for_many_at_once(user, meeting, count_all_queries):
    api_of(user).get("/me")  # So that the user is known.
    polls = [lambda: api_of(user).get(path(meeting)).status_code] * 24
    with count_all_queries() as queries:
        assert set(in_threads(*polls)) == {200}
    assert len(queries) == 1


@pytest.mark.parametrize("name", ["sync_status", "last_sync_success", "sync"])
def test_refuses_on_the_very_next_poll_whom_a_token_no_longer_serves(own_api, meeting, user, name):
    polled = f"/meetings/{meeting.pk}/{name}"
    assert own_api.get(polled).status_code == 200
    user.is_active = False
    user.save()
    assert own_api.get(polled).status_code == 401


def test_refuses_a_token_from_the_second_on_in_which_it_expires(own_api, meeting):
    assert own_api.get(path(meeting)).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=1)):
        refused = own_api.get(path(meeting))
    assert refused.status_code == 401
    assert refused.json()["code"] == "token_not_valid"
