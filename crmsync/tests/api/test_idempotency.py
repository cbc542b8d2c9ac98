import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError
from django.db import connection as database
from django.utils import timezone

from conftest import PASSWORD, api_of
from crmsync.models import IdempotentRequest, SyncRun
from crmsync.operations import syncs
from meetings.models import Meeting

pytestmark = pytest.mark.django_db

MEETING = {
    "title": "Lunch",
    "starts_at": "2026-05-04T12:00:00Z",
    "ends_at": "2026-05-04T13:00:00Z",
}


@pytest.fixture
def start(own_api, meeting, connection):
    def post(key="k-1", body=None, on=meeting, by=own_api):
        path = f"/meetings/{on.pk}/sync"
        return by.post(path, body, headers={"Idempotency-Key": key})

    return post


def test_the_same_request_gets_the_same_answer(start, settle):
    first = start()
    settle()  # What is so has changed, what was answered has not.
    again = start()
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again["ETag"] == first["ETag"]
    assert (first.has_header("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (
        False,
        "true",
    )
    assert SyncRun.objects.count() == 1


def test_another_key_is_another_request(start, settle):
    start()
    settle()
    assert start("k-2").json()["state"] == "queued"
    assert SyncRun.objects.count() == 2


def test_the_same_key_for_another_body_is_refused(start):
    start()
    response = start(body={"other": "body"})
    assert response.status_code == 422
    assert response.json()["code"] == "idempotency_key_reused"


def test_the_same_key_for_another_meeting_is_refused(start, make_meeting):
    start()
    assert start(on=make_meeting()).status_code == 422


def test_the_same_key_of_somebody_else_is_another_key(start, stranger, make_meeting):
    start()
    theirs = make_meeting(owner=stranger)
    response = start(on=theirs, by=api_of(stranger))
    assert (response.status_code, response.json()["code"]) == (409, "not_connected")


def test_a_second_request_while_the_first_is_at_work_is_refused(start, user):
    start()
    IdempotentRequest.objects.update(answer=None)
    response = start()
    assert response.status_code == 409
    assert response.json()["code"] == "idempotency_key_in_use"


def test_a_first_request_that_died_does_not_block_its_key(start):
    start()
    died_at = timezone.now() - timedelta(minutes=2)
    IdempotentRequest.objects.update(answer=None, begun_at=died_at)
    assert start().status_code == 202


def test_an_answer_is_kept_for_a_day(start, settle, meeting):
    start()
    settle()
    with time_machine.travel(timezone.now() + timedelta(hours=23)):
        assert start()["Idempotent-Replayed"] == "true"
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        tomorrow = api_of(meeting.user)
        assert not start(by=tomorrow).has_header("Idempotent-Replayed")
    assert SyncRun.objects.count() == 2


def test_a_refusal_frees_the_key(own_api, meeting, user):
    headers = {"Idempotency-Key": "k-1"}
    path = f"/meetings/{meeting.pk}/sync"
    assert own_api.post(path, headers=headers).status_code == 409
    own_api.put("/connection", {"provider": "sandbox", "credentials": {}})
    assert own_api.post(path, headers=headers).status_code == 202


@pytest.mark.django_db(transaction=True)
def test_many_at_once_start_one_sync(meeting, connection):
    def post(_):
        try:
            api = api_of(connection.user)
            headers = {"Idempotency-Key": "k-1"}
            return api.post(f"/meetings/{meeting.pk}/sync", headers=headers).status_code
        finally:
            database.close()

    with ThreadPoolExecutor(6) as pool:
        codes = set(pool.map(post, range(6)))
    assert 202 in codes
    assert codes <= {202, 409}
    assert SyncRun.objects.count() == 1


def test_a_key_that_is_too_long_is_refused(start):
    refused = start("k" * 256)
    assert refused.status_code == 400
    assert refused.json()["code"] == "invalid"


def test_without_a_key_nothing_is_kept(own_api, meeting, connection):
    own_api.post(f"/meetings/{meeting.pk}/sync")
    assert syncs.cancel(meeting.pk)
    assert not IdempotentRequest.objects.exists()


def test_two_meetings_are_one_with_one_key(own_api):
    headers = {"Idempotency-Key": "k-1"}
    first, again = (own_api.post("/meetings", MEETING, "json", headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert Meeting.objects.count() == 1


def test_a_sign_up_is_answered_again_and_kept_sealed(api):
    headers = {"Idempotency-Key": "k-1"}
    body = {"email": "new@example.com", "password": PASSWORD, "password_confirmation": PASSWORD}
    first, again = (api.post("/users", body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    kept = IdempotentRequest.objects.get()
    assert first.json()["auth_token"] not in json.dumps(kept.answer)
    assert kept.user.email == "new@example.com"


def test_a_sign_up_of_another_client_with_the_same_key_is_another_request(api):
    for number in (1, 2):
        email = f"new-{number}@example.com"
        body = {"email": email, "password": PASSWORD, "password_confirmation": PASSWORD}
        headers = {"Idempotency-Key": "k-1"}
        answer = api.post("/users", body, headers=headers, REMOTE_ADDR=f"192.0.2.{number}")
        assert answer.status_code == 201


def test_an_answer_that_cannot_be_kept_takes_its_effect_along(own_api, monkeypatch):
    def fail(*_):
        raise OperationalError

    headers = {"Idempotency-Key": "k-1"}
    with monkeypatch.context() as broken:
        broken.setattr("crmsync.api.idempotency._keep", fail)
        refused = own_api.post("/meetings", MEETING, "json", headers=headers)
    assert refused.status_code == 503
    assert not Meeting.objects.exists()
    assert own_api.post("/meetings", MEETING, "json", headers=headers).status_code == 201


def test_another_query_is_another_request(start, own_api, meeting):
    start()
    headers = {"Idempotency-Key": "k-1"}
    answer = own_api.post(f"/meetings/{meeting.pk}/sync?tz=Europe/Berlin", headers=headers)
    assert answer.status_code == 422


def test_every_post_of_the_api_knows_keys(api):
    paths = api.get("/schema", headers={"Accept": "application/json"}).json()["paths"]
    posts = [item["post"] for item in paths.values() if "post" in item]
    assert len(posts) >= 7
    for post in posts:
        assert "Idempotency-Key" in {parameter["name"] for parameter in post["parameters"]}


def test_without_a_database_it_can_be_sent_again(start, monkeypatch):
    def fail(**_):
        raise OperationalError

    monkeypatch.setattr(IdempotentRequest.objects, "filter", fail)
    refused = start()
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert refused["Retry-After"]
