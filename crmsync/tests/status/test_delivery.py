"""The document in Redis: never older than what was committed, and without a query."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from django_redis import get_redis_connection

from accounts.cache import versioned
from conftest import api_of, work_hints
from crmsync import dispatcher
from crmsync.connections import store
from crmsync.engine import claims, outcomes
from crmsync.errors import CrmError
from crmsync.models import SandboxRecord
from crmsync.operations import connections, syncs
from crmsync.providers.sandbox import Sandbox
from crmsync.status import delivery
from crmsync.status.state import POLL_AFTER
from meetings.models import Attendee, Meeting

pytestmark = pytest.mark.django_db


@pytest.fixture
def read(own_api, meeting):
    """The document, and how many queries it cost."""

    def get(**headers):
        with CaptureQueriesContext(database) as queries:
            response = own_api.get(f"/meetings/{meeting.pk}/sync", headers=headers)
        get.cost = len(queries)
        return response

    own_api.get("/me")  # From here on the user is known.
    return get


def test_costs_no_query_the_second_time(read, run):
    first = read().json()
    assert read.cost > 0
    assert read().json() == first
    assert read.cost == 0


CHANGES = {
    "a claim": lambda run: claims.claim(run.pk, 1),
    "a step": lambda run: outcomes.complete_step(claims.claim(run.pk, 1), []),
    "a failure": lambda run: outcomes.fail_step(
        claims.claim(run.pk, 1), CrmError("crm_unavailable")
    ),
    "a rate limit": lambda run: outcomes.fail_step(
        claims.claim(run.pk, 1), CrmError("crm_rate_limited")
    ),
    "a lost connection": lambda run: outcomes.fail_step(
        claims.claim(run.pk, 1), CrmError("connection_expired")
    ),
    "a final failure": lambda run: outcomes.fail_step(
        claims.claim(run.pk, 1), CrmError("record_rejected")
    ),
    "a cancel": lambda run: syncs.cancel(run.meeting_id),
    "another account": lambda run: connections.connect(
        run.meeting.user, "sandbox", {"account": "Other"}
    ),
    "a disconnection": lambda run: connections.disconnect(run.connection),
    "a deletion": lambda run: syncs.delete_meeting(run.meeting),
}


@pytest.mark.parametrize("change", CHANGES)
def test_is_new_after(read, run, change):
    before = read().content
    CHANGES[change](run)
    assert read().content != before
    again = read().content
    assert read.cost == 0 or change == "a deletion"
    assert read().content == again


def test_is_new_when_the_run_has_to_stand_in_line(read, make_meeting, connection, meeting):
    ahead = [syncs.request_sync(make_meeting(), by=None)[0] for _ in range(2)]
    run, _ = syncs.request_sync(meeting, by=None)
    run.wait_reason = ""
    run.save()
    assert read().json()["state"] == "queued"
    for each in ahead:
        claims.claim(each.pk, 1)
    assert claims.claim(run.pk, 1) is None
    assert read().json()["reason"] == "other_syncs"


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
    assert (told["state"], told["records"], told["actions"]) == ("never_synced", [], ["sync"])


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
    assert read().json()["actions"] == ["cancel"]
    connections.disconnect(connection)
    told = read().json()
    assert (told["state"], told["actions"]) == ("canceled", ["connect"])
    assert told["next"] == {"kind": "connect", "by": "you", "text": "Connect your CRM.", "at": None}
    assert own_api.post(path).status_code == 409


def test_names_the_day_of_a_moment_that_is_not_today(read, run):
    outcomes.fail_step(claims.claim(run.pk, 1), CrmError("crm_rate_limited", retry_after=80_000))
    run.refresh_from_db()
    with time_machine.travel(run.due_at.replace(hour=0, minute=0) - timedelta(minutes=30)):
        later = read().json()["headline"]
    assert re.fullmatch(r"We go on at \d\d:\d\d UTC on \w+ \d+", later)
    with time_machine.travel(run.due_at - timedelta(seconds=1)):
        assert re.fullmatch(r"We go on at \d\d:\d\d UTC", read().json()["headline"])


def test_writes_notes_that_were_taken_back(run, own_api, settle):
    settle()
    path = f"/meetings/{run.meeting_id}"
    own_api.patch(path, {"notes": ""})
    own_api.post(f"{path}/sync")
    settle()
    assert SandboxRecord.objects.get(kind="note").data["notes"] == ""


def test_lives_longer_than_a_poller_waits():
    assert max(seconds or 0 for seconds in POLL_AFTER.values()) < versioned.TTL_SECONDS


def test_changes_by_itself_when_its_moment_has_come(read, run, settings):
    settings.SYNC_RETRY_DELAYS = [20, 20]
    outcomes.fail_step(claims.claim(run.pk, 1), CrmError("crm_unavailable"))
    assert read().json()["next_attempt_at"]
    with time_machine.travel(timezone.now() + timedelta(seconds=25)):
        assert read().json()["next_attempt_at"] is None


def test_of_a_retry_is_one_200_and_only_304s_for_its_whole_wait(read, run, settings):
    settings.SYNC_RETRY_DELAYS = [20, 20]
    outcomes.fail_step(claims.claim(run.pk, 1), CrmError("crm_unavailable"))
    first = read()
    run.refresh_from_db()
    start, answers, costs = timezone.now(), [], []
    for second in range(int((run.due_at - start).total_seconds())):
        with time_machine.travel(start + timedelta(seconds=second)):
            answer = read(**{"If-None-Match": first["ETag"]})
            answers.append(answer.status_code)
            costs.append(read.cost)
            left = (run.due_at - timezone.now()).total_seconds()
            assert abs(int(answer["Retry-After"]) - left) <= 1.1
    assert len(answers) > 10
    assert set(answers) == {304}
    assert sum(costs) == 0


def test_of_a_whole_sync_costs_queries_only_at_changes(read, run, own_api):
    etag, seen = "", []
    while "synced" not in seen:
        for _ in range(5):
            answer = read(**{"If-None-Match": etag})
            if answer.status_code == 200:
                etag = answer["ETag"]
                seen.append(answer.json()["state"])
            else:
                assert read.cost == 0
        dispatcher.sweep()
        work_hints()
    assert len(seen) >= 2


def test_is_nobody_elses(read, run, stranger):
    read()
    assert api_of(stranger).get(f"/meetings/{run.meeting_id}/sync").status_code == 404


def test_is_in_the_language_that_the_reader_asks_for(read, run):
    english = read()
    german = read(**{"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    assert english.json()["headline"] == "The sync starts in a moment"
    assert german.json()["headline"] == "Die Synchronisierung beginnt gleich"
    assert (english["Content-Language"], german["Content-Language"]) == ("en", "de")
    assert english["ETag"] != german["ETag"]
    assert "Accept-Language" in german["Vary"]
    assert read(**{"Accept-Language": "de", "If-None-Match": english["ETag"]}).status_code == 200
    assert read(**{"Accept-Language": "de", "If-None-Match": german["ETag"]}).status_code == 304
    assert read(**{"Accept-Language": "fr"}).json() == english.json()


def test_survives_the_loss_of_redis(read, run):
    before = read().json()
    get_redis_connection("default").flushdb()
    assert read().json() == before


def test_comes_from_the_rows_without_redis(read, run, unreachable_redis):
    assert read().json()["state"] == "queued"


def test_made_by_a_slow_reader_does_not_come_back(read, run, user, monkeypatch):
    kept = []
    monkeypatch.setattr("crmsync.status.cache.store", lambda *args: kept.append(args))
    read()
    monkeypatch.undo()
    claims.claim(run.pk, 1)
    delivery.cache.store(*kept[0])
    assert read().json()["state"] == "syncing"


def test_sees_a_first_sync_that_is_asked_for_while_it_reads(meeting, connection, monkeypatch):
    read_meeting = delivery._read_meeting

    def read_late(*args):
        syncs.request_sync(meeting, by=None)
        return read_meeting(*args)

    monkeypatch.setattr(delivery, "_read_meeting", read_late)
    assert '"state":"queued"' in delivery.read(meeting.pk, meeting.user_id).body


def test_of_the_first_connection_is_new(read, user, meeting):
    assert read().json()["state"] == "not_connected"
    connections.connect(user, "sandbox", {})
    assert read().json()["state"] == "never_synced"


def test_of_a_restored_connection_is_new(read, run, user, connection, monkeypatch):
    store.mark_needs_reauth(store.for_user(user), CrmError("connection_expired"))
    assert read().json()["state"] == "paused"
    connections.check(connection)
    assert read().json()["state"] != "paused"


def test_of_every_language_is_the_same_but_for_its_words(meeting, connection, settle):
    syncs.request_sync(meeting, by=None)
    settle()
    told = Meeting.objects.select_related("user__connection").get()
    run = told.sync_runs.first()
    with translation.override("de"):
        german = delivery.build(told, run, timezone.now())
    english = delivery.build(told, run, timezone.now())
    words = {"headline", "detail", "next", "progress", "records"}
    assert {k: v for k, v in german.items() if k not in words} == {
        k: v for k, v in english.items() if k not in words
    }
