import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import OperationalError, transaction
from django.db import connection as database
from django.utils import timezone

from conftest import in_threads
from crmsync.engine import claims, outcomes
from crmsync.errors import CrmError
from crmsync.models import Connection, SyncAttempt, SyncRun
from crmsync.operations import syncs
from crmsync.tests.engine.rows import fields, let_lease_expire
from meetings.models import Meeting, SyncStep
from syncsite.tests.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

Status = SyncRun.Status


def _does_anybody_wait_for_us():
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone()[0]


class TestClaim:
    def test_starts_the_step_and_writes_the_attempt_first(self, claim, meeting):
        assert fields(meeting) == (SyncStep.CONTACTS, None)
        attempt = SyncAttempt.objects.get()
        assert (attempt.number, attempt.claim, attempt.finished_at) == (1, 1, None)
        assert claim.run.status == Status.RUNNING

    @pytest.mark.skipif(database.vendor != "postgresql", reason="SQLite writes one by one.")
    def test_locks_the_connection_before_the_run(self, run):
        """Or it could wait for somebody who waits for it."""
        held = threading.Event()

        def hold_the_run():
            with transaction.atomic():
                SyncRun.objects.select_for_update().get(pk=run.pk)
                held.set()
                wait_for(_does_anybody_wait_for_us)
                with pytest.raises(OperationalError, match="could not obtain lock"):
                    Connection.objects.select_for_update(nowait=True).get(pk=run.connection_id)

        def claim_it():
            held.wait(5)
            return claims.claim(run.pk, SyncStep.CONTACTS)

        assert in_threads(hold_the_run, claim_it)[1]

    def test_is_given_to_one_of_many_workers(self, run):
        taken = in_threads(*[lambda: claims.claim(run.pk, SyncStep.CONTACTS)] * 8)
        assert len([claim for claim in taken if claim]) == 1
        assert SyncAttempt.objects.count() == 1

    @pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED, Status.CANCELED])
    def test_is_refused_once_the_run_has_ended(self, run, status):
        SyncRun.objects.update(status=status)
        assert claims.claim(run.pk, SyncStep.CONTACTS) is None

    def test_is_refused_for_another_step_and_for_a_run_that_is_gone(self, run):
        assert claims.claim(run.pk, SyncStep.NOTES) is None
        assert claims.claim(999_999, SyncStep.CONTACTS) is None

    def test_is_refused_before_the_run_is_due(self, run):
        SyncRun.objects.update(due_at=timezone.now() + timedelta(minutes=1))
        assert claims.claim(run.pk, SyncStep.CONTACTS) is None

    def test_is_refused_while_the_crm_wants_no_calls(self, run):
        Connection.objects.update(not_before=timezone.now() + timedelta(minutes=1))
        assert claims.claim(run.pk, SyncStep.CONTACTS) is None

    def test_is_refused_beyond_the_places_of_a_connection(self, connection, make_meeting):
        runs = [syncs.request_sync(make_meeting(), by=None)[0] for _ in range(3)]
        taken = [claims.claim(run.pk, SyncStep.CONTACTS) for run in runs]
        assert [claim is not None for claim in taken] == [True, True, False]
        runs[2].refresh_from_db()
        assert runs[2].wait_reason == SyncRun.WaitReason.OTHER_SYNCS

    def test_never_exceeds_the_places_when_many_ask_at_once(self, connection, make_meeting):
        runs = [syncs.request_sync(make_meeting(), by=None)[0] for _ in range(6)]
        taken = in_threads(*(partial(claims.claim, run.pk, SyncStep.CONTACTS) for run in runs))
        assert len([claim for claim in taken if claim]) == 2

    def test_waits_until_the_worker_of_a_canceled_run_has_let_go(self, claim, meeting):
        syncs.cancel(meeting.pk)
        fresh, _ = syncs.request_sync(meeting, by=None)
        assert claims.claim(fresh.pk, SyncStep.CONTACTS) is None
        outcomes.abandon(claim)
        assert claims.claim(fresh.pk, SyncStep.CONTACTS)


class TestLease:
    def test_is_prolonged_by_the_worker_that_holds_it(self, claim, run):
        let_lease_expire(run)
        claims.renew_lease(claim)
        assert outcomes.reap_expired(timezone.now()) == 0

    def test_is_not_prolonged_beyond_the_deadline_of_the_step(self, claim, settings):
        settings.SYNC_STEP_SECONDS = 0
        with pytest.raises(CrmError) as caught:
            claims.renew_lease(claim)
        assert caught.value.code == "crm_timeout"
        assert not caught.value.outcome_unknown

    def test_is_not_prolonged_once_the_run_was_canceled(self, claim, meeting):
        syncs.cancel(meeting.pk)
        with pytest.raises(claims.StaleAttemptError):
            claims.renew_lease(claim)

    def test_that_ended_is_a_lost_worker_and_a_retry(self, claim, run, meeting):
        let_lease_expire(run)
        assert outcomes.reap_expired(timezone.now()) == 1
        run.refresh_from_db()
        assert (run.status, run.error_code, run.failures) == (Status.RETRYING, "worker_lost", 1)
        assert SyncAttempt.objects.get().outcome == "interrupted"
        assert fields(meeting) == (SyncStep.CONTACTS, False)

    def test_that_ended_of_a_canceled_run_frees_the_meeting(self, claim, run, meeting):
        syncs.cancel(meeting.pk)
        let_lease_expire(run)
        outcomes.reap_expired(timezone.now())
        fresh, _ = syncs.request_sync(meeting, by=None)
        assert claims.claim(fresh.pk, SyncStep.CONTACTS)

    def test_that_keeps_ending_gives_up(self, run, settings):
        settings.SYNC_RETRY_DELAYS = [0, 0]
        for _ in range(3):
            assert claims.claim(run.pk, SyncStep.CONTACTS)
            let_lease_expire(run)
            outcomes.reap_expired(timezone.now())
        run.refresh_from_db()
        assert (run.status, run.error_cause) == (Status.FAILED, "worker_lost")

    def test_that_ended_is_counted_once_when_two_look(self, claim, run):
        let_lease_expire(run)
        assert outcomes.reap_expired(timezone.now()) == 1
        assert outcomes.reap_expired(timezone.now()) == 0

    def test_of_a_row_that_fits_no_rule_keeps_no_other_waiting(self, connection, make_meeting):
        meetings = [make_meeting(), make_meeting()]
        runs = [syncs.request_sync(meeting, by=None)[0] for meeting in meetings]
        for run in runs:
            claims.claim(run.pk, SyncStep.CONTACTS)
            let_lease_expire(run)
        Meeting.objects.filter(pk=meetings[0].pk).update(in_progress_sync_status=None)
        assert outcomes.reap_expired(timezone.now()) == 1
        runs[1].refresh_from_db()
        assert runs[1].status == Status.RETRYING
