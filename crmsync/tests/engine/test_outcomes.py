from datetime import timedelta
from functools import partial

import django_rq
import pytest
from django.utils import timezone

from conftest import in_threads
from crmsync.engine import claims, outcomes
from crmsync.errors import CrmError
from crmsync.models import Connection, RemoteRecord, SyncAttempt, SyncRun
from crmsync.operations import connections, syncs
from crmsync.providers.base import Ref
from crmsync.tests.engine.rows import fields, let_lease_expire
from meetings.models import SyncStep

pytestmark = pytest.mark.django_db(transaction=True)

Status = SyncRun.Status


class TestCompletion:
    def test_goes_on_to_the_next_step_and_hints_at_it(self, claim, run):
        outcomes.complete_step(claim, [])
        run.refresh_from_db()
        assert (run.step, run.status) == (SyncStep.MEETING, Status.RUNNING)
        assert django_rq.get_queue("crmsync").jobs[0].func_name == "crmsync.jobs.sync_meeting"
        assert SyncAttempt.objects.get().outcome == "succeeded"

    def test_of_the_last_step_is_the_success_of_the_meeting(self, claim, run, meeting):
        for step in (SyncStep.MEETING, SyncStep.NOTES):
            outcomes.complete_step(claim, [])
            claim = claims.claim(run.pk, step)
        outcomes.complete_step(claim, [])
        run.refresh_from_db()
        assert run.status == Status.SUCCEEDED
        assert fields(meeting) == (None, True)
        assert meeting.last_sync_at == run.finished_at

    def test_resets_the_count_of_failures(self, claim, run):
        outcomes.fail_step(claim, CrmError("crm_unavailable"))
        outcomes.complete_step(claims.claim(run.pk, SyncStep.CONTACTS), [])
        run.refresh_from_db()
        assert (run.failures, run.error_code) == (0, "")

    def test_by_a_worker_that_lost_its_lease_changes_nothing(self, claim, run, meeting):
        let_lease_expire(run)
        outcomes.reap_expired(timezone.now())
        successor = claims.claim(run.pk, SyncStep.CONTACTS)
        outcomes.complete_step(claim, [])
        run.refresh_from_db()
        assert (run.step, run.attempt) == (SyncStep.CONTACTS, successor.run.attempt)
        outcomes.complete_step(successor, [])
        run.refresh_from_db()
        assert run.step == SyncStep.MEETING

    def test_after_the_connection_was_lost_stops_between_the_steps(self, connection, make_meeting):
        meetings = [make_meeting(), make_meeting()]
        runs = [syncs.request_sync(meeting, by=None)[0] for meeting in meetings]
        first, second = (claims.claim(run.pk, SyncStep.CONTACTS) for run in runs)
        outcomes.fail_step(first, CrmError("connection_expired"))
        outcomes.complete_step(second, [])
        assert fields(meetings[1]) == (None, None)

    def test_of_two_that_share_contacts_waits_for_no_deadlock(self, connection, make_meeting):
        emails = [f"a{number}@acme.example" for number in range(100)]
        refs = [Ref("contact", email, "1", "created") for email in emails]
        runs = [syncs.request_sync(make_meeting(), by=None)[0] for _ in range(2)]
        taken = [claims.claim(run.pk, SyncStep.CONTACTS) for run in runs]
        in_threads(
            partial(outcomes.complete_step, taken[0], refs),
            partial(outcomes.complete_step, taken[1], refs[::-1]),
        )
        assert RemoteRecord.objects.count() == 100

    def test_twice_counts_once(self, claim, run):
        outcomes.complete_step(claim, [])
        outcomes.complete_step(claim, [])
        run.refresh_from_db()
        assert run.step == SyncStep.MEETING

    def test_hands_the_place_to_the_next_in_line(self, connection, make_meeting):
        runs = [syncs.request_sync(make_meeting(), by=None)[0] for _ in range(3)]
        taken = [claims.claim(run.pk, SyncStep.CONTACTS) for run in runs]
        queue = django_rq.get_queue("crmsync")
        queue.empty()
        outcomes.fail_step(taken[0], CrmError("record_rejected"))
        assert [job.args for job in queue.jobs] == [[runs[2].pk]]


class TestFailure:
    def test_is_recorded_with_all_that_support_needs(self, claim):
        error = CrmError(
            "crm_timeout",
            "read timed out",
            http_status=504,
            correlation_id="abc-1",
            outcome_unknown=True,
        )
        outcomes.fail_step(claim, error)
        attempt = SyncAttempt.objects.get()
        assert attempt.finished_at
        assert (attempt.outcome, attempt.error_code) == ("failed", "crm_timeout")
        assert (attempt.http_status, attempt.correlation_id) == (504, "abc-1")
        assert (attempt.internal_message, attempt.outcome_unknown) == ("read timed out", True)

    def test_is_tried_again_later(self, claim, run, meeting, settings):
        settings.SYNC_RETRY_DELAYS = [10, 30]
        outcomes.fail_step(claim, CrmError("crm_unavailable"))
        run.refresh_from_db()
        assert (run.status, run.failures) == (Status.RETRYING, 1)
        assert 7 < (run.due_at - timezone.now()).total_seconds() <= 12
        assert fields(meeting) == (SyncStep.CONTACTS, False)

    def test_for_the_last_time_gives_up_and_keeps_the_cause(self, claim, run, meeting, settings):
        settings.SYNC_RETRY_DELAYS = [0]
        outcomes.fail_step(claim, CrmError("crm_unavailable"))
        outcomes.fail_step(claims.claim(run.pk, 1), CrmError("record_locked"))
        run.refresh_from_db()
        assert (run.status, run.error_code) == (Status.FAILED, "attempts_exhausted")
        assert run.error_cause == "record_locked"
        assert fields(meeting) == (None, False)
        assert [a.number for a in SyncAttempt.objects.all()] == [1, 2]

    def test_of_the_data_ends_at_once(self, claim, run, meeting):
        outcomes.fail_step(claim, CrmError("record_rejected", field="title", detail="too long"))
        run.refresh_from_db()
        assert (run.status, run.error_field) == (Status.FAILED, "title")
        assert fields(meeting) == (None, False)

    def test_by_a_rate_limit_slows_the_whole_connection_and_burns_no_try(self, claim, run, meeting):
        outcomes.fail_step(claim, CrmError("crm_rate_limited", retry_after=60))
        run.refresh_from_db()
        assert (run.status, run.failures) == (Status.QUEUED, 0)
        assert run.connection.not_before > timezone.now() + timedelta(seconds=50)
        assert fields(meeting) == (SyncStep.CONTACTS, None)

    def test_never_shortens_the_time_that_the_crm_asked_for(self, connection, make_meeting):
        runs = [syncs.request_sync(make_meeting(), by=None)[0] for _ in range(2)]
        taken = [claims.claim(run.pk, SyncStep.CONTACTS) for run in runs]
        for claim, seconds in zip(taken, (600, 5), strict=True):
            outcomes.fail_step(claim, CrmError("crm_rate_limited", retry_after=seconds))
        connection.refresh_from_db()
        assert connection.not_before > timezone.now() + timedelta(seconds=590)

    def test_of_the_connection_holds_its_runs_until_it_is_connected_again(
        self, claim, run, meeting, user
    ):
        outcomes.fail_step(claim, CrmError("connection_expired"))
        run.refresh_from_db()
        assert run.connection.state == Connection.State.NEEDS_REAUTH
        assert run.status == Status.QUEUED
        assert fields(meeting) == (None, None)
        assert claims.claim(run.pk, SyncStep.CONTACTS) is None
        connections.connect(user, "sandbox", {})
        assert claims.claim(run.pk, SyncStep.CONTACTS)

    def test_of_the_connection_parks_its_other_runs(self, connection, make_meeting):
        meetings = [make_meeting(), make_meeting()]
        runs = [syncs.request_sync(meeting, by=None)[0] for meeting in meetings]
        first, second = (claims.claim(run.pk, SyncStep.CONTACTS) for run in runs)
        outcomes.complete_step(first, [])  # Between two steps, it holds a place.
        outcomes.fail_step(second, CrmError("connection_expired"))
        runs[0].refresh_from_db()
        assert (runs[0].status, runs[0].step) == (Status.QUEUED, SyncStep.MEETING)
        assert fields(meetings[0]) == (None, None)

    def test_of_credentials_that_were_replaced_meanwhile_holds_nothing(self, claim, run, user):
        connections.connect(user, "sandbox", {})
        outcomes.fail_step(claim, CrmError("connection_expired"))
        run.refresh_from_db()
        assert run.connection.state == Connection.State.CONNECTED
        assert claims.claim(run.pk, SyncStep.CONTACTS)

    def test_of_the_connection_stops_a_run_that_waits_within_a_step(self, connection, make_meeting):
        meetings = [make_meeting(), make_meeting()]
        runs = [syncs.request_sync(meeting, by=None)[0] for meeting in meetings]
        waiting, failing = (claims.claim(run.pk, SyncStep.CONTACTS) for run in runs)
        outcomes.fail_step(waiting, CrmError("crm_rate_limited", retry_after=60))
        assert fields(meetings[0]) == (SyncStep.CONTACTS, None)
        outcomes.fail_step(failing, CrmError("connection_expired"))
        assert fields(meetings[0]) == (None, None)

    def test_after_the_connection_was_lost_stops_within_the_step(self, connection, make_meeting):
        meetings = [make_meeting(), make_meeting(), make_meeting()]
        runs = [syncs.request_sync(meeting, by=None)[0] for meeting in meetings]
        first, second = (claims.claim(run.pk, SyncStep.CONTACTS) for run in runs[:2])
        outcomes.fail_step(first, CrmError("connection_expired"))
        outcomes.fail_step(second, CrmError("crm_unavailable"))
        assert fields(meetings[1])[0] is None

    def test_of_a_canceled_run_changes_nothing_but_closes_the_attempt(self, claim, run, meeting):
        syncs.cancel(meeting.pk)
        outcomes.fail_step(claim, CrmError("crm_unavailable"))
        run.refresh_from_db()
        assert run.status == Status.CANCELED
        assert fields(meeting) == (None, None)
        assert SyncAttempt.objects.get().outcome == "interrupted"
