from functools import partial

import django_rq
import pytest
from django.db import IntegrityError

from conftest import api_of, in_threads
from crmsync.engine import outcomes
from crmsync.models import SyncRun
from crmsync.operations import syncs
from meetings.models import Meeting, SyncStep

pytestmark = pytest.mark.django_db(transaction=True)

Status = SyncRun.Status


def fields(meeting):
    meeting.refresh_from_db()
    return meeting.in_progress_sync_status, meeting.last_sync_success


class TestRequest:
    def test_makes_a_run_that_is_due_and_hints_at_it(self, run):
        assert (run.status, run.step, run.attempt) == (Status.QUEUED, SyncStep.CONTACTS, 0)
        (job,) = django_rq.get_queue("crmsync").jobs
        assert (job.func_name, job.args) == ("crmsync.jobs.sync_contacts", [run.pk])

    def test_gives_the_active_run_to_whoever_asks_again(self, run, meeting):
        assert syncs.request_sync(meeting, by=None) == (run, False)

    def test_makes_one_run_of_many_clicks_at_once(self, meeting, connection):
        answers = in_threads(*[lambda: syncs.request_sync(meeting, by=None)] * 8)
        assert len({run.pk for run, _ in answers}) == 1
        assert [created for _, created in answers].count(True) == 1

    def test_needs_a_connection(self, meeting):
        with pytest.raises(syncs.NotConnectedError):
            syncs.request_sync(meeting, by=None)

    def test_works_without_redis(self, meeting, connection, unreachable_redis):
        run, created = syncs.request_sync(meeting, by=None)
        assert created
        assert run.status == Status.QUEUED

    def test_the_database_holds_one_active_run_for_a_meeting(self, run):
        with pytest.raises(IntegrityError):
            SyncRun.objects.create(meeting=run.meeting, connection=run.connection)

    def test_beyond_the_places_waits_without_a_hint(self, connection, make_meeting):
        runs = [syncs.request_sync(make_meeting(), by=None)[0] for _ in range(3)]
        assert len(django_rq.get_queue("crmsync").jobs) == 2
        assert runs[2].wait_reason == SyncRun.WaitReason.OTHER_SYNCS


class TestCancel:
    def test_ends_a_waiting_run(self, run, meeting):
        assert syncs.cancel(meeting.pk)
        run.refresh_from_db()
        assert run.status == Status.CANCELED
        assert run.finished_at

    def test_stops_a_run_in_its_step(self, claim, run, meeting):
        assert syncs.cancel(meeting.pk)
        outcomes.complete_step(claim, [])
        run.refresh_from_db()
        assert (run.status, run.step) == (Status.CANCELED, SyncStep.CONTACTS)
        assert fields(meeting) == (None, None)

    def test_finds_nothing_to_cancel_twice(self, run, meeting):
        assert [syncs.cancel(meeting.pk), syncs.cancel(meeting.pk)] == [True, False]

    def test_is_done_once_when_many_ask(self, run, meeting):
        assert in_threads(*[partial(syncs.cancel, meeting.pk)] * 6).count(True) == 1


class TestDeletion:
    def test_meets_requests_and_edits_without_an_error(self, connection, make_meeting, user):
        for _ in range(5):
            meeting = make_meeting(*(f"a{number}@acme.example" for number in range(20)))
            path = f"/meetings/{meeting.pk}"
            responses = in_threads(
                partial(api_of(user).delete, path),
                partial(api_of(user).post, f"{path}/sync"),
                partial(api_of(user).patch, path, {"attendees": []}),
            )
            codes = [response.status_code for response in responses]
            assert codes[0] == 204
            assert set(codes) <= {200, 202, 204, 404}
        assert not Meeting.objects.exists()
        assert not SyncRun.objects.exists()
