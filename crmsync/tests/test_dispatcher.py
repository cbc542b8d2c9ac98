import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import django_rq
import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.db import connection as database
from django.utils import timezone

from conftest import api_of
from crmsync import dispatcher
from crmsync.engine import claims, hints, outcomes
from crmsync.errors import CrmError
from crmsync.models import Connection, IdempotentRequest, OAuthState, SyncRun
from crmsync.operations import connections, syncs
from meetings.models import SyncStep

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queue():
    return django_rq.get_queue("crmsync")


def request(meeting):
    """A run whose first hint got lost a while ago."""
    run, _ = syncs.request_sync(meeting, by=None)
    SyncRun.objects.filter(pk=run.pk).update(sent_at=timezone.now() - timedelta(minutes=1))
    django_rq.get_queue("crmsync").empty()
    return run


def test_sends_a_lost_hint_again(meeting, connection, queue):
    run = request(meeting)
    assert dispatcher.sweep().hints == 1
    assert [job.args for job in queue.jobs] == [[run.pk]]


def test_sends_no_hint_twice_within_seconds(meeting, connection):
    request(meeting)
    assert [dispatcher.sweep().hints, dispatcher.sweep().hints] == [1, 0]


def test_sends_each_hint_once_when_many_sweep(connection, make_meeting, stranger, queue):
    connections.connect(stranger, "sandbox", {})
    runs = [request(make_meeting(owner=owner)) for owner in (connection.user, stranger)]

    def sweep(_):
        try:
            return dispatcher.sweep().hints
        finally:
            database.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(sweep, range(6))) == 2
    assert sorted(job.args[0] for job in queue.jobs) == sorted(run.pk for run in runs)


def test_leaves_alone_what_is_not_due_held_slowed_down_or_under_way(connection, make_meeting):
    request(make_meeting())
    SyncRun.objects.update(due_at=timezone.now() + timedelta(minutes=1))
    assert dispatcher.sweep().hints == 0
    SyncRun.objects.update(due_at=timezone.now())
    Connection.objects.update(state=Connection.State.NEEDS_REAUTH)
    assert dispatcher.sweep().hints == 0
    Connection.objects.update(
        state=Connection.State.CONNECTED, not_before=timezone.now() + timedelta(minutes=1)
    )
    assert dispatcher.sweep().hints == 0
    Connection.objects.update(not_before=None)
    assert dispatcher.sweep().hints == 1


def test_is_fair_to_a_connection_behind_a_long_queue(connection, make_meeting, stranger, queue):
    for _ in range(10):
        request(make_meeting())
    connections.connect(stranger, "sandbox", {})
    late = request(make_meeting(owner=stranger))
    dispatcher.sweep()
    assert late.pk in [job.args[0] for job in queue.jobs]
    assert len(queue.jobs) == 3  # Two places of the first connection, one run of the second.


def test_prefers_a_run_that_has_begun(connection, make_meeting, queue):
    waiting = [request(make_meeting()) for _ in range(4)]
    outcomes.complete_step(claims.claim(waiting[3].pk, SyncStep.CONTACTS), [])
    SyncRun.objects.update(sent_at=None)
    queue.empty()
    dispatcher.sweep()
    assert waiting[3].pk in [job.args[0] for job in queue.jobs]


def test_hints_at_nothing_that_could_not_start(connection, make_meeting):
    for _ in range(10):
        request(make_meeting())
    assert [dispatcher.sweep().hints for _ in range(3)] == [2, 0, 0]


def test_lets_a_retry_that_is_due_go_before_those_that_have_not_begun(
    connection, make_meeting, queue
):
    runs = [syncs.request_sync(make_meeting(), by=None)[0] for _ in range(5)]
    first, second = (claims.claim(run.pk, SyncStep.CONTACTS) for run in runs[:2])
    outcomes.fail_step(first, CrmError("crm_unavailable"))
    queue.empty()
    outcomes.fail_step(second, CrmError("record_rejected"))
    assert [job.args for job in queue.jobs] == [[runs[0].pk]]


def test_finishes_what_has_begun_first(connection, make_meeting, queue):
    begun, _ = syncs.request_sync(make_meeting(), by=None)
    syncs.request_sync(make_meeting(), by=None)
    outcomes.complete_step(claims.claim(begun.pk, SyncStep.CONTACTS), [])
    assert queue.jobs[0].func_name == "crmsync.jobs.sync_meeting"


@pytest.mark.parametrize("interval", ["0", "-1", "nan"])
def test_refuses_an_interval_that_would_never_rest(interval):
    with pytest.raises(CommandError):
        call_command("dispatch_syncs", "--interval", interval)


def test_once_as_a_command_says_that_redis_is_away(unreachable_redis):
    with pytest.raises(CommandError, match="Redis is unavailable"):
        call_command("dispatch_syncs", once=True)


def test_sends_no_more_than_the_queue_has_room_for(meeting, connection, monkeypatch):
    monkeypatch.setattr(hints, "CAPACITY", 0)
    request(meeting)
    assert dispatcher.sweep().hints == 0


def test_marks_nothing_as_sent_while_redis_is_away(meeting, connection, unreachable_redis):
    run, _ = syncs.request_sync(meeting, by=None)
    SyncRun.objects.update(sent_at=None)
    with pytest.raises(redis.RedisError):
        dispatcher.sweep()
    run.refresh_from_db()
    assert run.sent_at is None


def test_recovers_what_lost_its_worker(meeting, connection):
    run = request(meeting)
    claims.claim(run.pk, SyncStep.CONTACTS)
    SyncRun.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    dispatcher.sweep()
    run.refresh_from_db()
    assert run.error_code == "worker_lost"


def test_sends_a_retry_when_it_is_due(meeting, connection, queue):
    run = request(meeting)
    outcomes.fail_step(claims.claim(run.pk, 1), CrmError("crm_unavailable"))
    assert dispatcher.sweep().hints == 1
    assert queue.jobs[-1].args == [run.pk]


@pytest.mark.parametrize("error", [redis.ConnectionError, OperationalError, RuntimeError])
def test_goes_on_after_a_failed_sweep(monkeypatch, error):
    sweeps, stop = [], threading.Event()

    def fail_then_stop():
        sweeps.append(1)
        if len(sweeps) == 2:
            stop.set()
        raise error

    monkeypatch.setattr(dispatcher, "sweep", fail_then_stop)
    dispatcher.run(0, stop)
    assert len(sweeps) == 2


def test_once_as_a_command_says_what_it_did(meeting, connection, capsys):
    request(meeting)
    call_command("dispatch_syncs", once=True)
    assert capsys.readouterr().out == (
        "Sent 1 syncs and 0 other jobs to the workers, and ended 0 tries of lost workers.\n"
    )


def test_finishes_a_sync_whose_every_first_hint_was_lost(meeting, connection, user, settle):
    request(meeting)
    settle()
    state = api_of(user).get(f"/meetings/{meeting.pk}/sync").json()["state"]
    assert state == "synced"


def test_looks_for_incidents_without_redis_too(unreachable_redis, monkeypatch):
    stop = threading.Event()
    monkeypatch.setattr(dispatcher, "run_periodic_tasks", stop.set)
    dispatcher.run(0.01, stop)  # Ends only if that is called.


def test_removes_what_nobody_can_use_any_more(user, monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(dispatcher, "_last_run", SimpleNamespace(at=0.0, cleaned_at=-1e9))
    for minutes in (1, 13, 24 * 60 + 1):
        moment = now - timedelta(minutes=minutes)
        OAuthState.objects.create(user=user, nonce=str(minutes), begun_at=moment)
        IdempotentRequest.objects.create(user=user, key=str(minutes), begun_at=moment)
    dispatcher.run_periodic_tasks()
    assert list(OAuthState.objects.values_list("nonce", flat=True)) == ["1"]
    keys = IdempotentRequest.objects.order_by("pk").values_list("key", flat=True)
    assert list(keys) == ["1", "13"]
