from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from conftest import api_of
from crmsync import dispatcher
from crmsync.engine import claims, hints, outcomes, scheduling, steps
from crmsync.errors import CrmError
from crmsync.models import Connection, RemoteRecord, SyncAttempt, SyncRun
from crmsync.operations import connections, syncs
from meetings.models import SyncStep

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def request_many(make_meeting, connection):
    def request(count, *emails, owner=None):
        meetings = [make_meeting(*emails, owner=owner) for _ in range(count)]
        return [syncs.request_sync(meeting, by=None)[0] for meeting in meetings]

    return request


def claim(run):
    run.refresh_from_db()
    return claims.claim(run.pk, run.step)


def finish(run):
    for _ in SyncStep:
        outcomes.complete_step(claim(run), [])


def state(run, owner):
    return api_of(owner).get(f"/meetings/{run.meeting_id}/sync").json()


def test_let_a_newcomer_pass_a_long_queue(request_many, connection, stranger, settle):
    ahead = request_many(60)
    connections.connect(stranger, "sandbox", {})
    (newcomer,) = request_many(1, owner=stranger)
    waiting = state(ahead[30], connection.user)
    assert (waiting["state"], waiting["reason"]) == ("waiting", "other_syncs")
    settle()
    ended = list(SyncRun.objects.order_by("finished_at").values_list("pk", flat=True))
    assert len(ended) == 61
    assert ended.index(newcomer.pk) < ended.index(ahead[5].pk)


class TestNewContacts:
    """Of a CRM without a unique address only one try at a time may make contacts."""

    def test_are_made_by_one_try_at_a_time(self, request_many, connection):
        first, second = request_many(2, "ann@acme.example")
        working = claim(first)
        assert claim(second) is None
        assert state(second, connection.user)["reason"] == "other_syncs"
        outcomes.fail_step(working, CrmError("crm_unavailable"))
        assert claim(second)

    def test_hold_nobody_up_who_needs_none(self, request_many):
        (first,), (second,) = request_many(1, "ann@acme.example"), request_many(1)
        assert claim(first)
        assert claim(second)

    def test_of_a_lost_worker_hold_nobody_up_behind_one_that_waits(self, request_many):
        lost, waiting = request_many(2, "ann@acme.example")
        (other,) = request_many(1)
        assert claim(lost)
        assert claim(waiting) is None
        SyncRun.objects.update(sent_at=None)
        hints = [pk for pk, _ in scheduling.select_due_hints(timezone.now(), 100)]
        assert other.pk in hints

    def test_may_still_be_made_by_a_call_for_a_deleted_meeting(self, request_many):
        first, second = request_many(2, "ann@acme.example")
        assert claim(first)
        syncs.delete_meeting(first.meeting)
        assert claim(second) is None
        with time_machine.travel(timezone.now() + timedelta(seconds=31)):
            assert claim(second)

    def test_are_not_made_by_a_try_that_claimed_to_need_none(
        self, request_many, settle, monkeypatch
    ):
        request_many(1, "ann@acme.example")
        settle()
        (run,) = request_many(1, "ann@acme.example")
        working = claim(run)
        RemoteRecord.objects.filter(kind="contact").delete()
        assert steps._look_again(working) is working  # It has only just claimed.
        monkeypatch.setattr(steps, "FRESH", timedelta(0))
        with pytest.raises(CrmError) as caught:
            steps._look_again(working)
        assert caught.value.code == "record_deleted"

    def test_stay_known_of_who_left_since_the_claim(self, request_many, settle, monkeypatch):
        request_many(1, "ann@acme.example", "bob@acme.example")
        settle()
        (run,) = request_many(1, "ann@acme.example", "bob@acme.example")
        working = claim(run)
        run.meeting.attendees.filter(email="bob@acme.example").delete()
        monkeypatch.setattr(steps, "FRESH", timedelta(0))
        assert steps._look_again(working).known == working.known

    def test_hold_nobody_up_once_they_are_known(self, request_many, make_meeting, settle):
        syncs.request_sync(make_meeting("ann@acme.example"), by=None)
        settle()
        assert all(claim(run) for run in request_many(2, "ann@acme.example"))

    def test_are_made_by_the_next_as_soon_as_the_first_has_made_its_own(self, request_many, settle):
        request_many(2, "ann@acme.example")
        settle()
        assert SyncRun.objects.filter(status="succeeded").count() == 2


def test_the_next_in_line_is_told_of_a_slot_that_is_freed_while_it_is_requested(
    request_many, make_meeting, settings, monkeypatch
):
    settings.SYNC_CONCURRENCY_PER_CONNECTION = 1
    (run,) = request_many(1)
    for _ in (1, 2):
        outcomes.complete_step(claim(run), [])
    last, sent = claim(run), []
    update = outcomes._update_answered

    def update_late(*args, **values):
        request_many(1)  # It held the connection, and we waited for it.
        return update(*args, **values)

    monkeypatch.setattr(outcomes, "_update_answered", update_late)
    monkeypatch.setattr(hints, "send_hint", lambda run_id, _: sent.append(run_id))
    outcomes.complete_step(last, [])
    assert sent == [SyncRun.objects.latest("pk").pk]


class TestRateLimit:
    @pytest.fixture
    def limited(self, request_many):
        runs = request_many(5)
        outcomes.fail_step(claim(runs[0]), CrmError("crm_rate_limited", retry_after=60))
        return runs

    def test_stops_every_run_of_the_connection(self, limited, connection):
        assert [claim(run) for run in limited] == [None] * 5
        assert dispatcher.sweep().hints == 0
        documents = [state(run, connection.user) for run in limited]
        assert {(d["state"], d["reason"]) for d in documents} == {("waiting", "rate_limited")}
        assert {d["next_attempt_at"] for d in documents} == {documents[0]["next_attempt_at"]}

    def test_lets_them_go_on_one_by_one(self, limited):
        with time_machine.travel(timezone.now() + timedelta(seconds=67), tick=False):
            assert [bool(claim(run)) for run in limited] == [True, False, False, False, False]
        with time_machine.travel(timezone.now() + timedelta(seconds=80), tick=False):
            assert [bool(claim(run)) for run in limited[1:]] == [True, False, False, False]

    def test_burns_no_try(self, limited):
        for _ in range(10):
            SyncRun.objects.update(due_at=timezone.now())
            Connection.objects.update(not_before=None)
            outcomes.fail_step(claim(limited[0]), CrmError("crm_rate_limited", retry_after=60))
        limited[0].refresh_from_db()
        assert (limited[0].status, limited[0].failures) == ("queued", 0)


class TestReconnecting:
    def test_releases_what_waited_at_the_pace_of_the_connection(self, request_many, user):
        runs = request_many(6)
        outcomes.fail_step(claim(runs[0]), CrmError("connection_expired"))
        assert {state(run, user)["state"] for run in runs} == {"paused"}
        connections.connect(user, "sandbox", {})
        assert len([run for run in runs if claim(run)]) == 2

    def test_lets_all_of_them_end(self, request_many, user, settle):
        runs = request_many(6)
        outcomes.fail_step(claim(runs[0]), CrmError("connection_expired"))
        connections.connect(user, "sandbox", {})
        settle()
        assert SyncRun.objects.filter(status="succeeded").count() == 6


def test_never_lets_more_calls_at_once_than_a_connection_has_places(request_many):
    runs = request_many(5)
    taken = [claim(run) for run in runs]
    syncs.cancel(runs[0].meeting_id)
    assert [bool(each) for each in taken] == [True, True, False, False, False]
    assert [claim(run) for run in runs[2:]] == [None] * 3
    assert SyncAttempt.objects.filter(finished_at=None).count() == 2
