from datetime import UTC, datetime

import pytest
import time_machine

from conftest import api_of
from crmsync.engine import claims, outcomes
from crmsync.errors import CrmError
from crmsync.models import Connection, RemoteRecord, SyncRun
from crmsync.operations import syncs
from crmsync.providers.base import Account

pytestmark = pytest.mark.django_db

# The limit counts by the minute; a test must not run across the end of one.
MOMENT = datetime(2026, 5, 4, 12, 0, 20, tzinfo=UTC)


def put(api, credentials=None, provider="sandbox"):
    return api.put("/connection", {"provider": provider, "credentials": credentials or {}})


def test_is_made_once_the_crm_took_the_credentials(own_api):
    response = put(own_api, {"account": "Acme", "token": "s3cret"})
    assert response.status_code == 200
    assert response.json() == own_api.get("/connection").json()
    assert {**response.json(), "connected_at": None, "options": None} == {
        "provider": "sandbox",
        "account": "Acme",
        "state": "connected",
        "connected_at": None,
        "last_error": "",
        "error": None,
        "options": None,
        "degraded": [],
    }
    assert "s3cret" not in response.content.decode()
    assert Connection.objects.get().credentials.open()["token"] == "s3cret"


def test_keeps_nothing_that_only_a_sign_in_brings(own_api):
    put(own_api, {"account": "Acme", "refresh_token": "r3fresh", "expires_at": "soon"})
    assert Connection.objects.get().credentials.open() == {"account": "Acme"}


def test_is_not_made_when_the_crm_refuses(own_api):
    response = put(own_api, {"token": "expired"})
    assert response.status_code == 400
    assert response.json()["credentials"][0] == "Sandbox does not let us in"
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "provider"),
        ({"provider": "x", "credentials": {}}, "provider"),
        ({"provider": "hubspot", "credentials": {}}, "credentials"),
        ({"provider": "salesforce", "credentials": {"access_token": "00D"}}, "credentials"),
        ({"provider": "bottlecrm", "credentials": {"url": "https://crm.example"}}, "credentials"),
        ({"provider": "sandbox"}, "credentials"),
        ({"provider": "sandbox", "credentials": "token"}, "credentials"),
        ({"provider": "sandbox", "credentials": {"token": ["a"]}}, "credentials"),
        ({"provider": "sandbox", "credentials": {"account": "\x00"}}, "credentials"),
    ],
)
def test_needs_a_provider_and_credentials(own_api, body, field):
    response = own_api.put("/connection", body)
    assert response.status_code == 400
    assert field in response.json()


def test_is_tried_only_so_often(user, stranger):
    body = {"provider": "sandbox", "credentials": {}}
    with time_machine.travel(MOMENT, tick=False):
        own_api = api_of(user)
        codes = [own_api.put("/connection", body).status_code for _ in range(29)]
        codes += [own_api.post("/connection/check").status_code for _ in range(2)]
        assert codes == [200] * 30 + [429]
        assert own_api.get("/connection").status_code == 200
        assert api_of(stranger).put("/connection", body).status_code == 200


def test_made_again_releases_what_was_held(own_api, make_meeting, connection, settle):
    meeting = make_meeting("reconnect.x1@sandbox.invalid")
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    held = own_api.get(f"/meetings/{meeting.pk}/sync").json()
    assert (held["state"], held["reason"]) == ("paused", "needs_reauth")
    assert [action["name"] for action in held["actions"]] == ["reconnect", "cancel", "help"]
    put(own_api)
    settle()
    assert own_api.get(f"/meetings/{meeting.pk}/sync").json()["state"] == "synced"


def test_made_again_to_the_same_account_keeps_what_is_known(own_api, meeting, connection, settle):
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    put(own_api)
    assert RemoteRecord.objects.exclude(kind="link").count() == 4


def test_made_to_another_account_forgets_it_and_cancels_what_is_under_way(
    own_api, meeting, make_meeting, connection, settle
):
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    own_api.post(f"/meetings/{make_meeting().pk}/sync")
    put(own_api, {"account": "Another"})
    assert not RemoteRecord.objects.exists()
    assert SyncRun.objects.first().status == SyncRun.Status.CANCELED


def test_deleted_forgets_the_credentials_and_cancels_but_keeps_the_record(
    own_api, meeting, make_meeting, connection, settle
):
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    own_api.post(f"/meetings/{make_meeting().pk}/sync")
    assert own_api.delete("/connection").status_code == 204
    assert own_api.get("/connection").json() == {"state": "not_connected"}
    assert own_api.delete("/connection").status_code == 404
    assert SyncRun.objects.first().status == SyncRun.Status.CANCELED
    assert Connection.objects.get().credentials.open() == {}
    assert RemoteRecord.objects.exclude(kind="link").count() == 4
    assert own_api.post(f"/meetings/{meeting.pk}/sync").status_code == 409


def test_checked_says_whether_it_still_works(own_api, connection, monkeypatch):
    def refuse(self):
        raise CrmError("permission_missing")

    with monkeypatch.context() as broken:
        broken.setattr("crmsync.providers.sandbox.Sandbox.check", refuse)
        checked = own_api.post("/connection/check").json()
    assert (checked["state"], checked["last_error"]) == ("needs_reauth", "permission_missing")
    checked = own_api.post("/connection/check").json()
    assert (checked["state"], checked["last_error"]) == ("connected", "")


def test_checked_during_an_outage_stays_connected(own_api, connection, monkeypatch):
    def time_out(self):
        raise CrmError("crm_timeout")

    monkeypatch.setattr("crmsync.providers.sandbox.Sandbox.check", time_out)
    checked = own_api.post("/connection/check").json()
    assert (checked["state"], checked["last_error"]) == ("connected", "crm_timeout")


def test_checked_does_not_end_a_pause_by_support(own_api, connection, monkeypatch):
    Connection.objects.update(state=Connection.State.PAUSED)
    monkeypatch.setattr(
        "crmsync.providers.sandbox.Sandbox.check", lambda self: Account("Sandbox", "Sandbox")
    )
    assert own_api.post("/connection/check").json()["state"] == "paused"


def test_made_again_does_not_end_a_pause_by_support(own_api, connection):
    Connection.objects.update(state=Connection.State.PAUSED)
    assert put(own_api).json()["state"] == "paused"


def test_of_one_person_is_nobody_elses(connection, stranger):
    api = api_of(stranger)
    assert api.get("/connection").json() == {"state": "not_connected"}
    assert api.post("/connection/check").status_code == 404
    put(api)
    assert Connection.objects.count() == 2


def test_deleted_while_a_worker_is_in_a_call_lets_it_change_nothing(own_api, meeting, connection):
    run, _ = syncs.request_sync(meeting, by=None)
    claim = claims.claim(run.pk, 1)
    own_api.delete("/connection")
    outcomes.complete_step(claim, [])
    run.refresh_from_db()
    assert (run.status, run.step) == (SyncRun.Status.CANCELED, 1)
