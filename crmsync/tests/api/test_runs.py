import pytest

from conftest import api_of

pytestmark = pytest.mark.django_db


def test_show_what_was_tried_newest_first(own_api, make_meeting, connection, settle):
    meeting = make_meeting("locked.x1@sandbox.invalid")
    for _ in range(2):
        own_api.post(f"/meetings/{meeting.pk}/sync")
        settle()
    newest, first = own_api.get(f"/meetings/{meeting.pk}/runs").json()["results"]
    assert newest["id"] > first["id"]
    assert [(a["step"], a["number"], a["outcome"]) for a in first["attempts"]] == [
        (1, 1, "failed"),
        (1, 2, "succeeded"),
        (2, 1, "succeeded"),
        (3, 1, "succeeded"),
    ]
    results = [attempt["result"] for attempt in first["attempts"]]
    assert results == ["The record is locked in Sandbox", "Done", "Done", "Done"]
    assert first["attempts"][0]["label"] == "Saving the contacts"
    assert (first["status"], first["result"]) == ("succeeded", "Saved in Sandbox")
    assert first["attempts"][0]["error"] == {
        "code": "record_locked",
        "title": "The record is locked in Sandbox",
    }


def test_promise_no_retry_of_a_canceled_one(own_api, make_meeting, connection, settle, settings):
    settings.SYNC_RETRY_DELAYS = [60]
    meeting = make_meeting("unavailable@sandbox.invalid")
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    path = f"/meetings/{meeting.pk}/runs"
    assert own_api.get(path).json()["results"][0]["error"]["code"] == "crm_unavailable"
    own_api.delete(f"/meetings/{meeting.pk}/sync")
    assert own_api.get(path).json()["results"][0]["error"] is None


def test_never_show_what_is_for_staff(own_api, make_meeting, connection, settle):
    meeting = make_meeting("bug@sandbox.invalid")
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    answer = own_api.get(f"/meetings/{meeting.pk}/runs").content.decode()
    assert "unexpected_error" in answer
    assert "Traceback" not in answer
    assert "acts out" not in answer


def test_cost_the_same_queries_however_many_there_are(
    own_api, meeting, connection, settle, django_assert_max_num_queries
):
    for _ in range(5):
        own_api.post(f"/meetings/{meeting.pk}/sync")
        settle()
    own_api.get("/me")
    with django_assert_max_num_queries(5):
        assert own_api.get(f"/meetings/{meeting.pk}/runs").json()["count"] == 5


def test_of_another_user_do_not_exist(meeting, stranger):
    assert api_of(stranger).get(f"/meetings/{meeting.pk}/runs").status_code == 404
