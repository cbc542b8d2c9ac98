"""The document as its owner reads it: what it says of the rows."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from crmsync.connections import store
from crmsync.engine import claims, outcomes
from crmsync.errors import CrmError
from crmsync.models import SandboxRecord
from crmsync.operations import connections, syncs
from crmsync.providers.sandbox import Sandbox
from meetings.models import Attendee

pytestmark = pytest.mark.django_db


def names(told):
    return [action["name"] for action in told["actions"]]


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Lunch"},
        {"notes": "Fifty seats."},
        {"ends_at": "2199-01-01T00:00:00Z"},
        {"attendees": [{"email": "carl@acme.example"}]},
        {
            "attendees": [
                {"email": "ann@acme.example", "name": "Ann"},
                {"email": "bob@acme.example"},
            ]
        },
    ],
)
def test_says_that_the_meeting_was_edited(read, run, own_api, settle, change):
    settle()
    assert read().json()["state"] == "synced"
    assert own_api.patch(f"/meetings/{run.meeting_id}", change).status_code == 200
    assert read().json()["state"] == "out_of_date"


def test_says_nothing_of_an_edit_that_changes_nothing(read, run, own_api, settle, meeting):
    settle()
    emails = [{"email": email} for email in ("ann@acme.example", "bob@acme.example")]
    own_api.patch(f"/meetings/{meeting.pk}", {"title": meeting.title, "attendees": emails})
    assert read().json()["state"] == "synced"


def test_of_an_unchanged_meeting_says_that_nothing_had_to_be_written(read, run, own_api, settle):
    settle()
    first = read().json()
    assert {record["action"] for record in first["records"]} == {"created"}
    own_api.post(f"/meetings/{run.meeting_id}/sync")
    settle()
    second = read().json()
    assert {record["action"] for record in second["records"]} == {"unchanged"}
    assert second["detail"] != first["detail"]


def test_lists_what_was_written_with_names_and_links(read, run, settle, meeting):
    Attendee.objects.filter(email="ann@acme.example").update(name="Ann Lee")
    settle()
    records = read().json()["records"]
    named = [(record["kind"], record["name"]) for record in records]
    assert named == [
        ("contact", "Ann Lee"),
        ("contact", "bob@acme.example"),
        ("meeting", meeting.title),
        ("note", "Notes"),
    ]
    assert all(record["url"].startswith("http") for record in records)


def test_tells_nothing_of_what_another_meeting_wrote(own_api, connection, make_meeting, settle):
    first, second = make_meeting("ann@acme.example"), make_meeting("ann@acme.example")
    syncs.request_sync(first, by=None)
    settle()
    before = own_api.get(f"/meetings/{first.pk}/sync").content
    assert own_api.get(f"/meetings/{second.pk}/sync").json()["records"] == []
    syncs.request_sync(second, by=None)
    settle()
    assert own_api.get(f"/meetings/{first.pk}/sync").content == before


def test_says_of_another_account_that_nothing_is_there_yet(read, run, user, settle):
    settle()
    connections.connect(user, "sandbox", {"account": "Other"})
    told = read().json()
    assert (told["state"], told["records"], names(told)) == ("never_synced", [], ["sync"])


def test_goes_on_at_once_after_reconnecting_though_a_retry_was_planned_later(
    read, run, user, make_meeting, settings
):
    settings.SYNC_RETRY_DELAYS = [480]
    other, _ = syncs.request_sync(make_meeting(), by=None)
    working = claims.claim(other.pk, 1)
    outcomes.fail_step(claims.claim(run.pk, 1), CrmError("crm_unavailable"))
    outcomes.fail_step(working, CrmError("connection_expired"))
    assert read().json()["state"] == "paused"
    connections.connect(user, "sandbox", {})
    assert claims.claim(run.pk, 1)


def test_keeps_the_reason_to_reconnect_while_the_crm_is_down(read, run, connection, monkeypatch):
    store.mark_needs_reauth(store.for_user(connection.user), CrmError("connection_expired"))
    connection.refresh_from_db()

    def fail(_):
        raise CrmError("crm_unavailable")

    monkeypatch.setattr(Sandbox, "check", fail)
    connections.check(connection)
    assert read().json()["error"]["code"] == "connection_expired"


def test_says_waiting_between_two_steps_while_the_crm_wants_no_calls(read, run, make_meeting):
    other, _ = syncs.request_sync(make_meeting(), by=None)
    working = claims.claim(other.pk, 1)
    outcomes.complete_step(claims.claim(run.pk, 1), [])
    assert read().json()["state"] == "syncing"
    outcomes.fail_step(working, CrmError("crm_daily_quota_used"))
    told = read().json()
    assert (told["state"], told["reason"]) == ("waiting", "rate_limited")
    assert told["next_attempt_at"]


def test_offers_only_what_would_be_done(read, run, user, own_api, connection):
    path = f"/meetings/{run.meeting_id}/sync"
    outcomes.fail_step(claims.claim(run.pk, 1), CrmError("crm_unavailable"))
    store.throttle_until(connection, timezone.now() + timedelta(minutes=5))
    assert names(read().json()) == ["cancel", "help"]
    connections.disconnect(connection)
    told = read().json()
    assert (told["state"], names(told)) == ("canceled", ["connect"])
    assert told["next"] == {"kind": "connect", "by": "you", "text": "Connect your CRM.", "at": None}
    assert own_api.post(path).status_code == 409


def test_names_the_day_of_a_moment_that_is_not_today(read, run, own_api):
    outcomes.fail_step(claims.claim(run.pk, 1), CrmError("crm_rate_limited", retry_after=80_000))
    run.refresh_from_db()
    own_api.patch("/me", {"time_zone": "Pacific/Auckland"})
    there = run.due_at.astimezone(ZoneInfo("Pacific/Auckland"))
    with time_machine.travel(there.replace(hour=0, minute=0) - timedelta(minutes=30)):
        later = read().json()["headline"]
    assert re.fullmatch(rf"We will continue at {there:%H:%M} on \w+ {there.day}", later)
    with time_machine.travel(run.due_at - timedelta(seconds=1)):
        assert read().json()["headline"] == f"We will continue at {there:%H:%M}"


def test_writes_notes_that_were_taken_back(run, own_api, settle):
    settle()
    path = f"/meetings/{run.meeting_id}"
    own_api.patch(path, {"notes": ""})
    own_api.post(f"{path}/sync")
    settle()
    assert SandboxRecord.objects.get(kind="note").data["notes"] == ""
