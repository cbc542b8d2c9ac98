from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from crmsync import dispatcher
from crmsync.engine import claims, outcomes
from crmsync.models import Connection, SupportAction, SyncRun
from crmsync.operations import support_actions, support_kinds, syncs
from meetings.models import SyncStep

pytestmark = pytest.mark.django_db(transaction=True)

Kind = SupportAction.Kind


@pytest.fixture
def failed(make_meeting, connection):
    """Ids of meetings whose sync failed at the second step."""

    def make(count):
        meetings = [make_meeting() for _ in range(count)]
        now = timezone.now()
        SyncRun.objects.bulk_create(
            SyncRun(
                meeting=meeting,
                connection=connection,
                provider="sandbox",
                status=SyncRun.Status.FAILED,
                step=SyncStep.MEETING,
                error_code="crm_timeout",
                started_at=now,
                finished_at=now,
            )
            for meeting in meetings
        )
        return [meeting.pk for meeting in meetings]

    return make


def start(kind, targets, user):
    return support_actions.start(kind, targets, user, "The outage is over.")


def let_a_second_pass():
    SupportAction.objects.filter(finished_at=None).update(due_at=timezone.now())


def test_are_done_at_once_where_they_are_few(failed, user):
    done = start(Kind.REQUEUE, failed(3), user)
    assert done.finished_at
    assert done.outcomes == {"re-queued": 3}
    runs = SyncRun.objects.active()
    assert {(run.step, run.requested_by, run.reason) for run in runs} == {
        (SyncStep.MEETING, user, "The outage is over.")
    }


def test_can_start_over(failed, user):
    start(Kind.RESTART, failed(1), user)
    assert SyncRun.objects.active().get().step == SyncStep.CONTACTS


def test_are_done_by_workers_where_they_are_many(failed, user, settle):
    done = start(Kind.REQUEUE, failed(12), user)
    assert done.position == 0
    positions = []
    while done.finished_at is None:
        dispatcher.send_background_hints(timezone.now())
        settle()
        done.refresh_from_db()
        positions.append(done.position)
        let_a_second_pass()
    assert positions == [5, 10, 12]
    assert done.outcomes == {"re-queued": 12}


def test_go_on_where_a_killed_worker_left_them(failed, user):
    done = start(Kind.REQUEUE, failed(12), user)
    SupportAction.objects.filter(pk=done.pk).update(
        position=2, due_at=timezone.now() + timedelta(seconds=30)
    )
    support_actions.run_batch(done.pk)
    assert SupportAction.objects.get().position == 2  # Its lease is not over.
    let_a_second_pass()
    support_actions.run_batch(done.pk)
    assert SupportAction.objects.get().position == 7


def test_stop_half_way_and_say_what_was_done(failed, user):
    done = start(Kind.REQUEUE, failed(12), user)
    support_actions.run_batch(done.pk)
    assert support_actions.stop(done.pk, "lead@example.com")
    let_a_second_pass()
    support_actions.run_batch(done.pk)
    done.refresh_from_db()
    assert (done.position, done.stopped_by) == (5, "lead@example.com")
    assert done.outcomes == {"re-queued": 5}
    assert SyncRun.objects.active().count() == 5
    assert not support_actions.stop(done.pk, "lead@example.com")


def test_stop_while_a_worker_is_at_it(failed, user, monkeypatch):
    done = start(Kind.REQUEUE, failed(12), user)
    carry_out = support_actions.carry_out

    def stop_meanwhile(action, target):
        support_actions.stop(action.pk, "lead@example.com")
        return carry_out(action, target)

    monkeypatch.setattr(support_actions, "carry_out", stop_meanwhile)
    support_actions.run_batch(done.pk)
    done.refresh_from_db()
    assert (done.position, done.outcomes) == (1, {"re-queued": 1})
    assert [result.target for result in done.results.all()] == done.targets[:1]


def test_keep_the_count_of_the_worker_that_continued(failed, user, monkeypatch):
    done = start(Kind.REQUEUE, failed(12), user)
    carry_out = support_actions.carry_out

    def lose_the_lease(action, target):
        monkeypatch.setattr(support_actions, "carry_out", carry_out)
        let_a_second_pass()
        support_actions.run_batch(action.pk)  # Another worker.
        support_actions.stop(action.pk, "lead@example.com")
        return carry_out(action, target)

    monkeypatch.setattr(support_actions, "carry_out", lose_the_lease)
    support_actions.run_batch(done.pk)
    done.refresh_from_db()
    assert (done.position, done.results.count()) == (5, 5)


def test_write_down_what_became_of_each_target(failed, user):
    first, second = failed(2)
    SyncRun.objects.get(meeting=second).meeting.delete()
    done = start(Kind.REQUEUE, [first, second], user)
    came = list(done.results.values_list("target", "outcome"))
    assert came == [(first, "re-queued"), (second, "deleted meanwhile")]


def test_bring_a_retry_forward(make_meeting, connection, user, settle):
    meeting = make_meeting("unavailable.step2.x1@sandbox.invalid")
    later = timezone.now() + timedelta(hours=1)
    run, _ = syncs.request_sync(meeting, by=None)
    SyncRun.objects.filter(pk=run.pk).update(status="retrying", due_at=later)
    assert start(Kind.RETRY, [meeting.pk], user).outcomes == {"retried": 1}
    assert SyncRun.objects.get().due_at < later
    assert SyncRun.objects.count() == 1


@pytest.mark.parametrize("kind", SupportAction.Kind.values)
def test_foresee_nothing_wrong_of_what_is_gone(kind, connection):
    if kind != Kind.LOG_IN:
        assert set(support_kinds.preview(kind, [10**12])) == {10**12}


def test_foresee_what_will_come_of_them(failed, make_meeting, connection):
    targets = failed(3)
    running = make_meeting()
    syncs.request_sync(running, by=None)
    foreseen = support_kinds.preview(Kind.REQUEUE, [*targets, running.pk])
    assert Counter(foreseen.values()) == {"re-queued": 3, "already syncing": 1}
    foreseen = support_kinds.preview(Kind.CANCEL, [*targets, running.pk])
    assert Counter(foreseen.values()) == {"canceled": 1, "already ended": 3}


def test_survive_what_was_deleted_meanwhile(failed, user, make_meeting):
    targets = failed(1)
    SyncRun.objects.get().meeting.delete()
    assert start(Kind.REQUEUE, targets, user).outcomes == {"deleted meanwhile": 1}
    assert start(Kind.CANCEL, targets, user).outcomes == {"already ended": 1}


def test_go_on_after_a_target_that_meets_a_bug(failed, user, monkeypatch):
    targets = failed(3)
    requeue = support_kinds.requeue

    def fail_once(meeting, *args, **kwargs):
        if meeting.pk == targets[1]:
            raise RuntimeError("A bug of ours.")
        return requeue(meeting, *args, **kwargs)

    monkeypatch.setattr(support_kinds, "requeue", fail_once)
    done = start(Kind.REQUEUE, targets, user)
    assert done.outcomes == {"re-queued": 2, "hit an error on our side": 1}
    assert done.finished_at


def test_pause_a_connection_and_resume_it(make_meeting, connection, user, settle, own_api):
    meeting = make_meeting()
    syncs.request_sync(meeting, by=None)
    assert start(Kind.PAUSE, [connection.pk], user).outcomes == {"paused": 1}
    document = own_api.get(f"/meetings/{meeting.pk}/sync").json()
    assert (document["state"], document["reason"]) == ("paused", "by_support")
    settle()
    assert SyncRun.objects.get().status == SyncRun.Status.QUEUED
    assert start(Kind.RESUME, [connection.pk], user).outcomes == {"resumed": 1}
    settle()
    assert SyncRun.objects.get().status == SyncRun.Status.SUCCEEDED
    assert start(Kind.RESUME, [connection.pk], user).outcomes == {"not paused": 1}


def test_pause_between_two_steps(meeting, connection, user):
    run, _ = syncs.request_sync(meeting, by=None)
    claim = claims.claim(run.pk, SyncStep.CONTACTS)
    start(Kind.PAUSE, [connection.pk], user)
    outcomes.complete_step(claim, [])
    run.refresh_from_db()
    assert (run.status, run.step) == (SyncRun.Status.QUEUED, SyncStep.MEETING)


def test_resume_to_what_the_connection_was_before(connection, user):
    Connection.objects.update(state="needs_reauth", last_error="connection_expired")
    start(Kind.PAUSE, [connection.pk], user)
    start(Kind.RESUME, [connection.pk], user)
    assert Connection.objects.get().state == Connection.State.NEEDS_REAUTH
