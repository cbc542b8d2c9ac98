"""What nobody but its owner may read turns up nowhere: each secret is looked for everywhere."""

import logging

import django_rq
import pytest
from django.db import connection as database
from django_redis import get_redis_connection

from accounts.tokens import AccessToken
from conftest import PASSWORD, api_of, run_command, work_hints
from crmsync.models import Connection, SyncRun
from crmsync.operations import connections, syncs
from crmsync.providers.sandbox import Sandbox
from meetings.models import Meeting

pytestmark = pytest.mark.django_db

CREDENTIAL = "pat-na1-0123456789abcdef"
NOTES = "They pay forty thousand."
FAULTS = ["bug.x1", "rejected.step2", "reconnect.step3.x1"]


def fail_with_the_token(sandbox, *_):
    token = sandbox.session.credentials["token"]
    raise RuntimeError(f"The CRM did not expect {len(token)} characters")


@pytest.fixture
def logged(caplog):
    caplog.set_level(logging.DEBUG)

    def text():
        records = [*caplog.get_records("setup"), *caplog.get_records("call")]
        return "\n".join(f"{caplog.handler.format(record)} {vars(record)}" for record in records)

    return text


@pytest.fixture
def token(user):
    return str(AccessToken.for_user(user))


@pytest.fixture
def history(user, make_meeting, token, api, monkeypatch):
    """A person's day: connecting, syncs that fail in several ways, a bug, a wrong password."""
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    credentials = {"provider": "sandbox", "credentials": {"token": CREDENTIAL}}
    assert api.put("/connection", credentials).status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr(Sandbox, "upsert_contacts", fail_with_the_token)
        syncs.request_sync(make_meeting("ann@acme.example"), by=user)
        work_hints()
    for fault in FAULTS:
        meeting = make_meeting(f"{fault}@sandbox.invalid", notes=NOTES)
        assert api.post(f"/meetings/{meeting.pk}/sync").status_code == 202
        work_hints()
    api.post("/authenticate", {"email": user.email, "password": PASSWORD + "!"})
    api.get(f"/meetings/{meeting.pk}/sync_status")


def everything_in_redis():
    for client in (get_redis_connection("default"), django_rq.get_connection("crmsync")):
        for key in client.scan_iter():
            yield key + client.dump(key)
    for job in django_rq.get_queue("crmsync").jobs:
        yield repr((job.args, job.kwargs, job.description, job.meta)).encode()


def test_stay_out_of_the_logs(logged, history, token):
    text = logged()
    assert "did not expect 24 characters" in text
    for secret in (CREDENTIAL, PASSWORD, token, NOTES):
        assert secret not in text


def test_stay_out_of_redis(history, token, make_meeting, user, connection_again):
    syncs.request_sync(make_meeting("ann@acme.example", notes=NOTES), by=user)
    stored = list(everything_in_redis())
    assert stored
    for secret in (CREDENTIAL, PASSWORD, token, NOTES, user.password, "ann@acme.example"):
        assert not any(secret.encode() in value for value in stored)


@pytest.fixture
def connection_again(history, user):
    """Mended, so that the next sync leaves a hint in the queue."""
    connections.connect(user, "sandbox", {"token": CREDENTIAL})


def test_stay_out_of_the_database_in_the_clear(history):
    with database.cursor() as cursor:
        for table in ("connection", "syncattempt", "syncrun", "remoterecord"):
            cursor.execute(f"SELECT * FROM crmsync_{table}")  # noqa: S608
            assert CREDENTIAL not in repr(cursor.fetchall())


def test_stay_out_of_the_api(history, user):
    api = api_of(user)
    pages = ["/me", "/meetings", "/connection"]
    for meeting in Meeting.objects.all():
        pages += [f"/meetings/{meeting.pk}/{name}" for name in ("sync", "runs")]
    for page in pages:
        text = api.get(page).content.decode()
        for secret in (CREDENTIAL, PASSWORD, user.password, "Traceback"):
            assert secret not in text


def test_stay_out_of_the_admin(history, admin_client):
    pages = ["/admin/", "/admin/crmsync/syncrun/", "/admin/crmsync/connection/"]
    pages += [f"/admin/crmsync/syncrun/{run.pk}/change/" for run in SyncRun.objects.all()]
    pages += [f"/admin/crmsync/connection/{c.pk}/change/" for c in Connection.objects.all()]
    for page in pages:
        response = admin_client.get(page)
        assert response.status_code == 200, page
        assert CREDENTIAL not in response.content.decode()
        for connection in Connection.objects.all():
            assert connection.credentials.token not in response.content.decode()


def test_stay_out_of_the_case_file(history):
    for meeting in Meeting.objects.all():
        assert CREDENTIAL not in run_command("explain_sync", meeting.pk)


def test_stay_out_of_error_answers(api, user, token, monkeypatch, settings):
    settings.DEBUG = False
    api.raise_request_exception = False
    api.credentials(HTTP_AUTHORIZATION=token)
    monkeypatch.setattr("crmsync.operations.connections.connect", fail_with_the_token)
    body = {"provider": "sandbox", "credentials": {"token": CREDENTIAL}}
    response = api.put("/connection", body)
    assert response.status_code == 500
    assert response.json() == {"detail": "A server error occurred.", "code": "error"}


def test_in_redis_nothing_is_pickled(history):
    """Whoever can write there must not be able to run code here."""
    for client in (get_redis_connection("default"), django_rq.get_connection("crmsync")):
        for key in client.scan_iter():
            if client.type(key) == b"string":
                assert not client.get(key).startswith(b"\x80")
    queue = django_rq.get_queue("crmsync")
    assert queue.serializer.__name__ == "JSONSerializer"
