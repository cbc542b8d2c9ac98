from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from crmsync import dispatcher, jobs
from crmsync.engine import claims
from crmsync.incidents import incidents
from crmsync.models import Connection, Incident, SyncRun
from crmsync.operations import connections, syncs
from crmsync.operations.requeue import requeue
from crmsync.tests.incidents.desk import OPENED, RESOLVED, alerts, review, sync
from meetings.models import SyncStep

pytestmark = pytest.mark.django_db


def make_overdue(meeting, minutes, **values):
    run, _ = syncs.request_sync(meeting, by=None)
    then = timezone.now() - timedelta(minutes=minutes)
    SyncRun.objects.filter(pk=run.pk).update(due_at=then, ready_since=then, **values)
    return run


def test_open_with_the_first_failure_for_good(make_meeting, connection, settle):
    sync(make_meeting("unavailable@sandbox.invalid"), settle)
    incident = Incident.objects.get()
    assert (incident.connection, incident.cause, incident.syncs) == (
        connection,
        "crm_unavailable",
        1,
    )


def test_do_not_open_while_we_still_try(make_meeting, connection, settle):
    sync(make_meeting("unavailable.x2@sandbox.invalid"), settle)
    assert not Incident.objects.exists()


def test_open_when_a_connection_needs_its_owner_and_count_what_waits(
    make_meeting, connection, settle
):
    for _ in range(4):
        syncs.request_sync(make_meeting("reconnect@sandbox.invalid"), by=None)
    settle()
    review()
    incident = Incident.objects.get()
    assert (incident.cause, incident.syncs) == ("connection_expired", 4)


def test_send_one_alert_for_many_failures_and_one_when_it_is_over(make_meeting, connection, settle):
    for _ in range(10):
        syncs.request_sync(make_meeting("unavailable.x6@sandbox.invalid"), by=None)
    settle()
    for later in (0, 11, 12, 30):
        review(later)
    assert alerts() == [OPENED]
    assert Incident.objects.get().syncs == 10
    sync(make_meeting(), settle)
    review(61)
    review(62)
    assert alerts() == [OPENED, RESOLVED]
    assert incidents.open_incidents().count() == 0


def test_go_on_while_it_still_fails_between_successes(make_meeting, connection, settle):
    sync(make_meeting("rejected@sandbox.invalid"), settle)
    sync(make_meeting(), settle)
    review(30)
    assert incidents.open_incidents().exists()


def test_end_when_the_owner_connects_again(make_meeting, connection, settle):
    sync(make_meeting("reconnect.x1@sandbox.invalid"), settle)
    review(11)
    connections.connect(connection.user, "sandbox", {})
    review(12)
    assert not incidents.open_incidents().exists()
    assert alerts() == []  # The owner alone can mend it, so on-call is not called.


def test_of_a_held_connection_stay_while_support_pauses_it(make_meeting, connection, settle):
    sync(make_meeting("reconnect.x1@sandbox.invalid"), settle)
    connections.pause(connection.pk)
    review(90)
    connections.resume(connection.pk)
    review(180)
    assert incidents.open_incidents().get().cause == "connection_expired"


def test_tell_nobody_while_snoozed_and_remind_afterwards(make_meeting, connection, settle):
    sync(make_meeting("unavailable@sandbox.invalid"), settle)
    incidents.snooze(Incident.objects.get().pk, timezone.now() + timedelta(hours=1))
    review(11)
    assert alerts() == []
    review(3601)
    assert alerts() == [OPENED]


def test_tell_whoever_knew_of_them_that_they_are_over_even_if_snoozed(
    make_meeting, connection, settle
):
    sync(make_meeting("unavailable@sandbox.invalid"), settle)
    review(11)
    incidents.snooze(Incident.objects.get().pk, timezone.now() + timedelta(hours=1))
    sync(make_meeting(), settle)
    review(61)
    assert alerts() == [OPENED, RESOLVED]


def test_stay_snoozed_when_they_come_back(make_meeting, connection, settle):
    sync(make_meeting("unavailable@sandbox.invalid"), settle)
    incidents.snooze(Incident.objects.get().pk, timezone.now() + timedelta(hours=1))
    sync(make_meeting(), settle)
    review(61)
    sync(make_meeting("unavailable@sandbox.invalid"), settle)
    review(80)
    assert incidents.open_incidents().exists()
    assert alerts() == []


def test_tell_when_no_dispatcher_hands_out_what_is_due(meeting, connection):
    make_overdue(meeting, 11, sent_at=None)
    review()
    review(11)
    assert Incident.objects.get().cause == "nothing_dispatched"
    assert alerts() == [OPENED]


def test_tell_when_no_worker_takes_what_is_due(meeting, connection):
    make_overdue(meeting, 11, sent_at=timezone.now())
    review()
    assert Incident.objects.get().cause == "overdue"


def test_tell_when_syncs_are_worked_on_and_none_succeeds(meeting, connection):
    run = make_overdue(meeting, 11)
    assert claims.claim(run.pk, SyncStep.CONTACTS)
    review()
    assert Incident.objects.get().cause == "no_success"


def test_raise_no_alarm_for_who_stands_in_line(make_meeting, connection, settings):
    settings.SYNC_CONCURRENCY_PER_CONNECTION = 1
    run, _ = syncs.request_sync(make_meeting(), by=None)
    syncs.request_sync(make_meeting(), by=None)
    an_hour = timezone.now() + timedelta(hours=1)
    with time_machine.travel(an_hour, tick=False):
        assert claims.claim(run.pk, SyncStep.CONTACTS) is not None
        SyncRun.objects.filter(pk=run.pk).update(ready_since=an_hour)
        review()
    assert not Incident.objects.exists()


def test_raise_no_alarm_for_a_sync_that_waits_for_its_owner(meeting, connection):
    make_overdue(meeting, 60)
    Connection.objects.update(state="needs_reauth")
    review()
    assert not Incident.objects.exists()


def test_of_a_stall_end_with_it(meeting, connection, settle):
    make_overdue(meeting, 11, sent_at=None)
    review()
    settle()
    review(5)
    assert incidents.open_incidents().count() == 0


def test_are_looked_for_by_workers_where_no_dispatcher_lives(
    make_meeting, meeting, connection, monkeypatch
):
    monkeypatch.setattr(dispatcher._last_run, "at", -dispatcher.PERIOD_SECONDS)
    make_overdue(meeting, 11, sent_at=None)
    run, _ = syncs.request_sync(make_meeting(), by=None)
    jobs.sync_contacts(run.pk)
    assert Incident.objects.get().cause == "nothing_dispatched"


class TestEnds:
    """When nothing is left to mend, with no success."""

    @pytest.fixture
    def failed(self, make_meeting, connection, settle):
        run = sync(make_meeting("rejected@sandbox.invalid"), settle)
        assert Incident.objects.get(resolved_at=None).cause == "record_rejected"
        return run

    def is_over(self):
        review(later=120)
        return not incidents.open_incidents().exists()

    def test_not_while_a_meeting_is_still_to_be_mended(self, failed):
        assert not self.is_over()

    def test_with_the_last_failed_meeting(self, failed):
        syncs.delete_meeting(failed.meeting)
        assert self.is_over()

    def test_when_the_owner_disconnects(self, failed, connection):
        connections.disconnect(connection)
        assert self.is_over()

    def test_when_the_owner_changes_the_account(self, failed, user):
        connections.connect(user, "sandbox", {"account": "Another"})
        assert self.is_over()

    def test_counts_a_meeting_once_however_often_it_fails(self, failed, settle):
        for _ in range(2):
            requeue(failed.meeting, by=None)
            settle()
        assert Incident.objects.get().syncs == 1
