"""DELETE /meetings/{id}?in_crm=delete: gone here at once, and then from the CRM."""

import pytest
from django.core.cache import cache as redis_cache
from django.utils import timezone

from conftest import run_command
from crmsync.engine import claims, outcomes
from crmsync.models import Connection, RemoteRecord, SandboxRecord, SyncRun
from crmsync.operations import syncs
from crmsync.providers import sandbox
from crmsync.tests.engine.rows import let_lease_expire
from meetings.models import Meeting, SyncStep

pytestmark = pytest.mark.django_db


@pytest.fixture
def synced(own_api, make_meeting, connection, settle):
    def sync(*emails):
        meeting = make_meeting(*emails)
        own_api.post(f"/meetings/{meeting.pk}/sync")
        settle()
        return meeting

    return sync


def remove(api, meeting):
    return api.delete(f"/meetings/{meeting.pk}?in_crm=delete")


def state_of(api, meeting):
    return api.get(f"/meetings/{meeting.pk}/sync").json()["state"]


def test_leaves_the_lists_at_once_and_the_crm_after_its_run(own_api, synced, settle):
    meeting = synced("ann@acme.example")
    asked = remove(own_api, meeting)
    assert (asked.status_code, asked.json()["state"]) == (202, "removing")
    assert own_api.get("/meetings").json()["count"] == 0
    assert own_api.get(f"/meetings/{meeting.pk}").status_code == 404
    assert own_api.patch(f"/meetings/{meeting.pk}", {"title": "No"}).status_code == 404
    assert SandboxRecord.objects.filter(kind="meeting").exists()
    settle()
    assert own_api.get(f"/meetings/{meeting.pk}/sync").status_code == 404
    assert not Meeting.objects.exists()
    assert list(SandboxRecord.objects.values_list("kind", flat=True)) == ["contact"]
    assert list(RemoteRecord.objects.values_list("kind", flat=True)) == ["contact"]


def test_is_asked_for_once_however_often(own_api, synced):
    meeting = synced("ann@acme.example")
    remove(own_api, meeting)
    assert remove(own_api, meeting).status_code == 202
    assert SyncRun.objects.active().count() == 1


def test_takes_what_was_never_sent_away_at_once(own_api, meeting, connection):
    assert remove(own_api, meeting).status_code == 204
    assert not Meeting.objects.exists()


def test_leaves_the_crm_alone_unless_asked(own_api, synced):
    meeting = synced("ann@acme.example")
    assert own_api.delete(f"/meetings/{meeting.pk}").status_code == 204
    assert SandboxRecord.objects.filter(kind="meeting").exists()


@pytest.mark.parametrize("wish", ["keep", "DELETE"])
def test_knows_no_other_wish(own_api, synced, wish):
    meeting = synced("ann@acme.example")
    refused = own_api.delete(f"/meetings/{meeting.pk}?in_crm={wish}")
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "in_crm")
    assert Meeting.objects.exists()


def test_needs_the_crm_that_has_it(own_api, synced):
    meeting = synced("ann@acme.example")
    own_api.delete("/connection")
    refused = remove(own_api, meeting)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_connected")
    own_api.put("/connection", {"provider": "sandbox", "credentials": {"account": "Another"}})
    assert remove(own_api, meeting).status_code == 409
    assert own_api.get(f"/meetings/{meeting.pk}").status_code == 200


def test_cancels_a_sync_under_way(own_api, synced, settle):
    meeting = synced("ann@acme.example")
    own_api.post(f"/meetings/{meeting.pk}/sync")
    remove(own_api, meeting)
    assert SyncRun.objects.active().get().removes
    settle()
    assert not Meeting.objects.exists()


def test_brings_the_meeting_back_when_canceled(own_api, synced, settle):
    meeting = synced("ann@acme.example")
    remove(own_api, meeting)
    assert own_api.delete(f"/meetings/{meeting.pk}/sync").json()["state"] == "canceled"
    settle()
    assert own_api.get("/meetings").json()["count"] == 1
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    assert state_of(own_api, meeting) == "synced"


def test_brings_the_meeting_back_when_the_crm_is_left(own_api, synced):
    meeting = synced("ann@acme.example")
    remove(own_api, meeting)
    own_api.delete("/connection")
    assert own_api.get(f"/meetings/{meeting.pk}").status_code == 200


def test_is_tried_again_after_a_failure(own_api, synced, settle):
    meeting = synced("locked.step3@sandbox.invalid")
    assert state_of(own_api, meeting) == "failed"
    remove(own_api, meeting)
    settle()
    told = own_api.get(f"/meetings/{meeting.pk}/sync").json()
    assert (told["state"], told["headline"]) == ("failed", "Still in Sandbox")
    assert told["actions"][0] == {
        "name": "sync",
        "label": "Try again",
        "method": "POST",
        "href": f"/meetings/{meeting.pk}/sync",
    }
    meeting.attendees.all().delete()
    assert own_api.post(f"/meetings/{meeting.pk}/sync").json()["state"] == "removing"
    settle()
    assert own_api.get(f"/meetings/{meeting.pk}/sync").status_code == 404


def test_can_be_put_back_by_support_after_it_failed(own_api, synced, settle):
    meeting = synced("locked.step3@sandbox.invalid")
    remove(own_api, meeting)
    settle()
    meeting.attendees.all().delete()
    run_command("requeue_syncs", "--failed", rate=1000)
    assert SyncRun.objects.active().get().removes
    settle()
    assert not Meeting.objects.exists()


def test_that_failed_is_dropped_by_an_ordinary_deletion(own_api, synced, settle):
    meeting = synced("locked.step3@sandbox.invalid")
    remove(own_api, meeting)
    settle()
    assert own_api.delete(f"/meetings/{meeting.pk}").status_code == 204
    assert own_api.get(f"/meetings/{meeting.pk}/sync").status_code == 404


def test_waits_for_its_owner_like_any_sync(own_api, synced, settle):
    meeting = synced("ann@acme.example")
    Connection.objects.update(state="paused")
    remove(own_api, meeting)
    settle()
    assert state_of(own_api, meeting) == "paused"
    assert SandboxRecord.objects.filter(kind="meeting").exists()


def test_survives_a_worker_that_is_killed(own_api, synced, settle):
    meeting = synced("ann@acme.example")
    remove(own_api, meeting)
    assert claims.claim(SyncRun.objects.active().get().pk, SyncStep.NOTES)
    sandbox.forget_meetings([str(meeting.key)])  # It had just removed the records.
    let_lease_expire(SyncRun.objects.active().get())
    assert outcomes.reap_expired(timezone.now()) == 1
    SyncRun.objects.active().update(due_at=timezone.now())
    settle()
    assert not Meeting.objects.exists()
    assert not SandboxRecord.objects.filter(kind="meeting").exists()


def test_keeps_no_active_run_of_a_meeting_that_is_gone(own_api, synced, settle):
    meeting = synced("ann@acme.example")
    remove(own_api, meeting)
    settle()
    with pytest.raises(Meeting.DoesNotExist):
        syncs.request_sync(meeting, by=None)


def test_stays_canceled_for_whoever_read_the_meeting_before(own_api, synced, settle):
    meeting = synced("ann@acme.example")
    remove(own_api, meeting)
    early = Meeting.objects.get()
    own_api.delete(f"/meetings/{meeting.pk}/sync")
    syncs.request_sync(early, by=None)
    assert not SyncRun.objects.active().get().removes
    settle()
    assert state_of(own_api, meeting) == "synced"


def test_is_what_whoever_read_the_meeting_before_asks_for(own_api, synced, settle):
    meeting = synced("locked.step3@sandbox.invalid")
    remove(own_api, meeting)
    settle()
    syncs.request_sync(meeting, by=None)
    assert SyncRun.objects.active().get().removes


def test_needs_no_run_that_retention_has_removed(own_api, synced, settle):
    meeting = synced("ann@acme.example")
    SyncRun.objects.all().delete()
    assert remove(own_api, meeting).status_code == 202
    settle()
    assert not SandboxRecord.objects.filter(kind="meeting").exists()


def test_is_for_the_account_that_has_the_meeting(own_api, synced, settle):
    meeting = synced("locked.step3@sandbox.invalid")
    remove(own_api, meeting)
    settle()
    own_api.put("/connection", {"provider": "sandbox", "credentials": {"account": "Another"}})
    assert own_api.get(f"/meetings/{meeting.pk}").status_code == 200  # It came back.
    own_api.post(f"/meetings/{meeting.pk}/sync")
    own_api.delete(f"/meetings/{meeting.pk}/sync")
    assert remove(own_api, meeting).status_code == 409


def test_that_failed_can_be_called_off(own_api, synced, settle):
    meeting = synced("locked.step3@sandbox.invalid")
    before = own_api.get(f"/meetings/{meeting.pk}/last_sync_success").json()
    remove(own_api, meeting)
    settle()
    told = own_api.get(f"/meetings/{meeting.pk}/sync").json()
    assert [(a["name"], a["label"]) for a in told["actions"]][1] == ("cancel", "Keep the meeting")
    assert own_api.delete(f"/meetings/{meeting.pk}/sync").status_code == 202
    assert own_api.get(f"/meetings/{meeting.pk}").status_code == 200
    assert own_api.get(f"/meetings/{meeting.pk}/last_sync_success").json() == before


def test_asks_for_no_edit_where_the_crm_rejects_the_data(own_api, synced, settle):
    meeting = synced("rejected.step3@sandbox.invalid")
    remove(own_api, meeting)
    settle()
    told = own_api.get(f"/meetings/{meeting.pk}/sync").json()
    assert "edit" not in {action["name"] for action in told["actions"]}
    assert "Correct" not in told["error"]["remedy"] + told["next"]["text"]


def test_says_what_it_waits_for(own_api, synced, settle):
    meeting = synced("ann@acme.example")
    remove(own_api, meeting)
    Connection.objects.update(state="needs_reauth", last_error="connection_expired")
    redis_cache.clear()
    told = own_api.get(f"/meetings/{meeting.pk}/sync").json()
    assert "stays in Sandbox until then" in told["detail"]
    assert "keep the meeting" in told["next"]["text"]
    assert {a["label"] for a in told["actions"]} >= {"Keep the meeting"}


def test_forgets_no_meeting_for_its_notes(own_api, synced, settle):
    """The record of the notes has the key of the meeting, too."""
    meeting = synced("ann@acme.example")
    own_api.patch(f"/meetings/{meeting.pk}", {"notes": ""})
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    kinds = RemoteRecord.objects.order_by("kind").values_list("kind", flat=True)
    assert list(kinds) == ["contact", "link", "meeting"]
    own_api.patch(f"/meetings/{meeting.pk}", {"title": "Second talk"})
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    assert SandboxRecord.objects.get(kind="meeting").data["title"] == "Second talk"
