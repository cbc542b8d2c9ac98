"""The document in Redis: never older than what was committed, and without a query."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone, translation
from django_redis import get_redis_connection

from accounts.cache import versioned
from conftest import api_of, work_hints
from crmsync import dispatcher
from crmsync.connections import store
from crmsync.engine import claims, outcomes
from crmsync.errors import CrmError
from crmsync.operations import connections, syncs
from crmsync.status import delivery
from crmsync.status.reader import Reader
from crmsync.status.state import POLL_AFTER
from meetings.models import Meeting

pytestmark = pytest.mark.django_db


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
    first = read(tz="Europe/Berlin")
    run.refresh_from_db()
    start, answers, costs = timezone.now(), [], []
    for second in range(int((run.due_at - start).total_seconds())):
        with time_machine.travel(start + timedelta(seconds=second)):
            answer = read(tz="Europe/Berlin", **{"If-None-Match": first["ETag"]})
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
    assert '"state":"queued"' in delivery.read(meeting.pk, Reader(meeting.user_id)).body


def test_tells_moments_in_the_terms_of_the_reader(read, run, own_api, user):
    outcomes.fail_step(claims.claim(run.pk, 1), CrmError("crm_rate_limited", retry_after=600))
    run.refresh_from_db()
    here = read()
    there = read(tz="Asia/Kolkata")
    assert here.json()["headline"] in (
        "We will continue in about 10 minutes",
        "We will continue in about 15 minutes",
    )
    kolkata = run.due_at.astimezone(ZoneInfo("Asia/Kolkata"))
    assert f"at {kolkata:%H:%M}" in there.json()["headline"]
    assert here["ETag"] != there["ETag"]
    own_api.patch("/me", {"time_zone": "America/New_York", "language": "de"})
    new_york = run.due_at.astimezone(ZoneInfo("America/New_York"))
    own = read(tz="Asia/Kolkata", **{"If-None-Match": there["ETag"]})
    assert f"um {new_york:%H:%M} Uhr" in own.json()["headline"]


def test_refuses_a_time_zone_that_there_is_not(read, run):
    assert read(tz="Berlin").json()["tz"] == ["Name a time zone such as Europe/Berlin."]


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
    words = {"headline", "detail", "next", "progress", "records", "actions"}
    assert {k: v for k, v in german.items() if k not in words} == {
        k: v for k, v in english.items() if k not in words
    }
