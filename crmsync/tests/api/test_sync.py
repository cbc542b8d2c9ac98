from datetime import timedelta

import django_rq
import pytest
from django.utils import timezone
from django_redis import get_redis_connection

from conftest import api_of
from crmsync.models import Connection, SyncRun
from crmsync.operations import syncs
from meetings.models import Meeting

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(meeting):
    return f"/meetings/{meeting.pk}/sync"


def test_starts_and_ends_with_success(own_api, path, connection, settle):
    response = own_api.post(path)
    assert response.status_code == 202
    assert response.json()["state"] == "queued"
    settle()
    read = own_api.get(path).json()
    assert (read["state"], read["phase"]) == ("synced", "done")
    assert read["in_progress_sync_status"] is None
    assert read["last_sync_success"] is True
    assert read["last_sync_at"]


def test_started_twice_is_one_sync(own_api, path, connection):
    assert [own_api.post(path).status_code for _ in range(2)] == [202, 202]
    assert SyncRun.objects.count() == 1


def test_needs_a_connection(own_api, path):
    response = own_api.post(path)
    assert response.status_code == 409
    assert response.json()["code"] == "not_connected"
    assert own_api.get(path).json()["state"] == "not_connected"


def test_says_why_it_failed_and_what_to_do(own_api, make_meeting, connection, settle):
    path = f"/meetings/{make_meeting('rejected@sandbox.invalid').pk}/sync"
    own_api.post(path)
    settle()
    read = own_api.get(path).json()
    assert (read["state"], read["last_sync_success"]) == ("failed", False)
    assert read["error"]["code"] == "record_rejected"
    assert read["error"]["title"] == "Sandbox did not accept the e-mail address"
    assert read["error"]["remedy"].startswith("Correct the e-mail address")
    assert read["error"]["reference"] == SyncRun.objects.get().reference
    assert own_api.get(read["error"]["help_url"]).status_code == 200


def test_is_canceled(own_api, path, connection):
    own_api.post(path)
    response = own_api.delete(path)
    assert response.status_code == 202
    assert response.json()["state"] == "canceled"
    again = own_api.delete(path)
    assert again.status_code == 409
    assert again.json()["code"] == "nothing_to_cancel"


def test_is_canceled_by_the_deletion_of_its_meeting(own_api, path, meeting, connection, settle):
    own_api.post(path)
    assert own_api.delete(f"/meetings/{meeting.pk}").status_code == 204
    settle()
    assert not SyncRun.objects.exists()


class TestWhileItRetries:
    @pytest.fixture
    def retrying(self, own_api, make_meeting, connection, settle, settings):
        settings.SYNC_RETRY_DELAYS = [60, 60]
        path = f"/meetings/{make_meeting('unavailable.x1@sandbox.invalid').pk}/sync"
        own_api.post(path)
        settle()
        return path

    def test_started_again_is_tried_again_now(self, own_api, retrying, settle):
        read = own_api.get(retrying).json()
        assert read["state"] == "retrying"
        assert [a["name"] for a in read["actions"]] == ["retry_now", "cancel", "help"]
        answer = own_api.post(retrying)
        assert (answer.status_code, answer.json()["next_attempt_at"]) == (202, None)
        settle()
        assert own_api.get(retrying).json()["state"] == "synced"
        assert SyncRun.objects.count() == 1

    def test_started_again_is_refused_while_the_crm_wants_no_calls(self, own_api, retrying):
        Connection.objects.update(not_before=timezone.now() + timedelta(seconds=90))
        answer = own_api.post(retrying)
        assert answer.status_code == 409
        assert answer.json()["code"] == "not_before"
        assert answer.json()["detail"] == (
            "Sandbox wants no requests now. Try again in about a minute."
        )
        assert 80 < int(answer["Retry-After"]) <= 90
        assert SyncRun.objects.get().due_at > timezone.now()

    def test_started_again_twice_is_tried_once(self, own_api, retrying):
        for _ in range(2):
            assert own_api.post(retrying).status_code == 202
        assert django_rq.get_queue("crmsync").count == 1


def test_can_be_started_again_after_its_end(own_api, path, connection, settle):
    own_api.post(path)
    settle()
    assert own_api.post(path).json()["state"] == "queued"
    assert SyncRun.objects.count() == 2


def test_is_out_of_date_after_an_edit(own_api, path, meeting, connection, settle):
    own_api.post(path)
    settle()
    own_api.patch(f"/meetings/{meeting.pk}", {"title": "Lunch"})
    assert own_api.get(path).json()["state"] == "out_of_date"


def test_tells_a_poller_when_nothing_changed(own_api, path, connection, meeting, settings):
    settings.SYNC_RETRY_DELAYS = [60]
    own_api.post(path)
    first = own_api.get(path)
    assert first["Cache-Control"] == "no-cache, private"
    assert first["Retry-After"] == "2"
    again = own_api.get(path, HTTP_IF_NONE_MATCH=first["ETag"])
    assert again.status_code == 304
    assert again.content == b""
    assert again["ETag"] == first["ETag"]
    syncs.cancel(meeting.pk)
    changed = own_api.get(path, HTTP_IF_NONE_MATCH=first["ETag"])
    assert changed.status_code == 200
    assert changed["Retry-After"] == "60"


def test_is_started_by_no_filter(own_api, path, connection):
    refused = own_api.post(f"{path}?state=never_synced")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "unknown")


def test_knows_no_other_condition_than_if_none_match(own_api, path, connection):
    assert own_api.get(path, HTTP_IF_MATCH='"x"').status_code == 200


def test_shows_the_connection_without_a_secret(own_api, path, connection):
    read = own_api.get(path).json()["connection"]
    assert read == {"state": "connected", "provider": "sandbox", "account": "Sandbox"}


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_of_another_user_does_not_exist(stranger, path, method):
    assert getattr(api_of(stranger), method)(path).status_code == 404


def test_costs_one_query_to_read(own_api, path, connection, django_assert_num_queries):
    own_api.post(path)
    with django_assert_num_queries(0):
        own_api.get(path)
    get_redis_connection("default").delete(f"document:{Meeting.objects.get().pk}:en")
    with django_assert_num_queries(1):  # One statement sees one moment.
        own_api.get(path)


@pytest.mark.parametrize("name", ["sync", "sync_status", "last_sync_success"])
def test_can_be_asked_for_without_its_body(own_api, meeting, name):
    polled = f"/meetings/{meeting.pk}/{name}"
    response = own_api.head(polled)
    assert (response.status_code, response.content) == (200, b"")
    assert response["Content-Length"] == str(len(own_api.get(polled).content))


def test_a_time_zone_that_there_is_not_starts_and_cancels_nothing(own_api, path, connection):
    assert own_api.post(f"{path}?tz=Nowhere/X").status_code == 400
    assert not SyncRun.objects.exists()
    own_api.post(path)
    assert own_api.delete(f"{path}?tz=Nowhere/X").status_code == 400
    assert SyncRun.objects.get().status == "queued"
