from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.utils import timezone
from django_redis import get_redis_connection

from accounts.models import User
from conftest import PASSWORD, api_of
from crmsync.models import SandboxRecord, SyncRun
from crmsync.operations import people, syncs
from meetings.models import Meeting

pytestmark = pytest.mark.django_db

MARK = "Zanzibar"  # In everything that the person enters.


@pytest.fixture
def full_life(user, connection, make_meeting, own_api, settle):
    """Somebody with a synced meeting, an active sync and copies of all in Redis."""
    synced = make_meeting(f"{MARK}.first@acme.example".lower(), title=MARK, notes=MARK)
    syncs.request_sync(synced, by=user)
    settle()
    waiting = make_meeting(f"{MARK}.x1@acme.example".lower(), title=MARK, notes=MARK)
    own_api.post(f"/meetings/{waiting.pk}/sync", HTTP_IDEMPOTENCY_KEY=MARK)
    for meeting in (synced, waiting):
        own_api.get(f"/meetings/{meeting.pk}/sync")
        own_api.get(f"/meetings/{meeting.pk}/sync_status")
    return user


def rows_with(*texts):
    """Every row of every table that has one of the texts, whatever its case."""
    rows = [
        (model.__name__, row)
        for model in apps.get_models()
        if model._meta.managed
        for row in model._default_manager.values()
    ]
    return [row for row in rows if any(text.lower() in str(row).lower() for text in texts)]


def redis_with(*texts):
    client = get_redis_connection("default")
    values = [client.get(key) or b"" for key in client.scan_iter() if client.type(key) == b"string"]
    return [v for v in values if any(text.lower().encode() in v.lower() for text in texts)]


def test_leave_nothing_behind(full_life, own_api):
    email = full_life.email
    assert rows_with(MARK, email)
    assert redis_with(MARK, email)
    answer = own_api.delete("/me", {"current_password": PASSWORD})
    assert answer.status_code == 204
    assert rows_with(MARK, email) == []
    assert redis_with(MARK, email) == []
    assert own_api.get("/me").status_code == 401


def test_leave_nothing_behind_in_the_admin(full_life, admin_client):
    email = full_life.email
    url = f"/admin/accounts/user/{full_life.pk}"
    admin_client.post(f"{url}/change/", {"email": email})
    assert "2" in admin_client.get(f"{url}/delete/").content.decode()
    assert admin_client.post(f"{url}/delete/", {"post": "yes"}).status_code == 302
    assert rows_with(MARK, email) == []
    assert set(LogEntry.objects.values_list("object_repr", flat=True)) == {"deleted user"}


def test_leave_to_others_what_is_theirs(full_life, stranger, make_meeting, settle):
    shared = f"{MARK}.first@acme.example".lower()
    api = api_of(stranger)
    api.put("/connection", {"provider": "sandbox", "credentials": {}})
    syncs.request_sync(make_meeting(shared, owner=stranger), by=stranger)
    settle()
    people.delete_person(full_life)
    assert SandboxRecord.objects.filter(kind="contact", key=shared).exists()
    assert SandboxRecord.objects.filter(kind="meeting").count() == 1
    assert User.objects.get() == stranger
    assert Meeting.objects.get().user == stranger


@pytest.mark.parametrize("body", [{}, {"current_password": "wrong"}])
def test_stay_without_their_password(full_life, own_api, body):
    answer = own_api.delete("/me", body)
    assert (answer.status_code, next(iter(answer.json()))) == (400, "current_password")
    assert User.objects.exists()


def test_stay_however_often_their_password_is_guessed(user, own_api):
    guesses = [own_api.delete("/me", {"current_password": "x"}).status_code for _ in range(11)]
    assert guesses[-1] == 429


def test_go_in_few_statements_whatever_they_have(user, connection, count_all_queries):
    now = timezone.now()
    meetings = Meeting.objects.bulk_create(
        Meeting(user=user, title="Lunch", starts_at=now, ends_at=now + timedelta(hours=1))
        for _ in range(2500)
    )
    SyncRun.objects.bulk_create(
        SyncRun(meeting=meeting, connection=connection, provider="sandbox") for meeting in meetings
    )
    with count_all_queries() as statements:
        people.delete_person(user)
    assert not Meeting.objects.exists()
    assert len(statements) < 40 + 15 * 2.5
