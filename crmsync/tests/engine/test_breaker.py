"""When an outage of a CRM begins and ends, and how its syncs go on."""

import threading

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from conftest import in_threads
from crmsync import dispatcher
from crmsync.connections import store
from crmsync.engine import breaker, claims, outcomes
from crmsync.errors import CrmError
from crmsync.models import CrmHost, SyncAttempt, SyncRun
from crmsync.operations import syncs
from crmsync.tests.engine.outage import DOWN, attempt, fail_all, is_out, later

pytestmark = pytest.mark.django_db


class TestOpens:
    def test_after_failures_in_a_row_of_several_customers(self, runs, host):
        for run in runs[:4]:
            attempt(run, DOWN)
        assert not is_out(host)
        attempt(runs[4], DOWN)
        assert is_out(host)

    def test_not_if_one_succeeds_in_between(self, runs, host):
        for run in runs[:4]:
            attempt(run, DOWN)
        attempt(runs[5])
        attempt(runs[4], DOWN)
        assert not is_out(host)

    def test_not_for_the_failures_of_one_customer_alone(self, runs, make_run, host):
        own = [run for run in runs if run.connection.user.email == "ann@example.com"]
        for _ in range(4):
            for run in own:
                SyncRun.objects.filter(pk=run.pk).update(due_at=timezone.now(), failures=0)
                attempt(run, DOWN)
        assert not is_out(host)

    def test_for_the_only_customer_of_a_host(self, make_run):
        alone = CrmHost.objects.create(name="acme.my.salesforce.com", provider="salesforce")
        run = make_run("acme@example.com", on=alone)
        for _ in range(5):
            SyncRun.objects.filter(pk=run.pk).update(due_at=timezone.now(), failures=0)
            attempt(run, DOWN)
        assert is_out(alone)

    def test_of_one_host_and_no_other(self, runs, make_run, host):
        other = CrmHost.objects.create(name="other.my.salesforce.com", provider="salesforce")
        fail_all(runs)
        assert attempt(make_run("dan@example.com", on=other))

    @pytest.mark.parametrize("code", ["record_locked", "record_rejected", "connection_expired"])
    def test_not_for_what_only_one_customer_meets(self, runs, host, code):
        for run in runs:
            attempt(run, CrmError(code))
        assert not is_out(host)


class TestCloses:
    @pytest.mark.parametrize("status", [400, 401, 404, 429])
    def test_with_whatever_the_host_answers(self, runs, host, status):
        fail_all(runs)
        with later(31):
            [(pk, step)] = breaker.select_probes(timezone.now())
            refusal = CrmError("unexpected_error", http_status=status)
            outcomes.fail_step(claims.claim(pk, step), refusal)
        assert not is_out(host)

    def test_when_nobody_waits_any_more(self, runs, host):
        fail_all(runs)
        for run in runs:
            syncs.cancel(run.meeting_id)
        breaker.close_unused(timezone.now())
        assert not is_out(host)

    def test_leaves_the_leases_of_running_attempts_alone(self, runs, host):
        fail_all(runs)
        with later(31):
            [(pk, step)] = breaker.select_probes(timezone.now())
            claims.claim(pk, step)
            lease = SyncRun.objects.get(pk=pk).due_at
            breaker._release(host)
            assert SyncRun.objects.get(pk=pk).due_at == lease

    def test_with_the_first_success_and_lets_the_rest_go_on_at_a_rising_pace(
        self, runs, make_run, host
    ):
        runs += [make_run(f"{n}@example.com") for n in range(20)]
        fail_all(runs)
        with later(31):
            [(pk, step)] = breaker.select_probes(timezone.now())
            outcomes.complete_step(claims.claim(pk, step), [])
            assert not is_out(host)
            start = host.closed_at
        waiting = SyncRun.objects.active().exclude(pk=pk)
        delays = sorted((run.due_at - start).total_seconds() for run in waiting)
        in_each = [sum(2 * n - 1 < d <= 2 * n + 1 for d in delays) for n in range(4)]
        assert in_each[1:] == [4, 8, len(delays) - in_each[0] - 12]
        assert delays[-1] < 60

    def test_is_announced_by_another_process_if_the_first_one_dies(self, runs, host, monkeypatch):
        with monkeypatch.context() as dying:
            dying.setattr(breaker, "announce", lambda pk: None)
            fail_all(runs)
        before = store.lock(pk=runs[5].connection_id).version
        host.refresh_from_db()
        assert not host.is_announced
        dispatcher.sweep()
        assert store.lock(pk=runs[5].connection_id).version > before
        host.refresh_from_db()
        assert host.is_announced


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(database.vendor != "postgresql", reason="SQLite writes one by one.")
def test_a_release_and_a_claim_at_once_keep_the_lease(runs, host):
    fail_all(runs)
    CrmHost.objects.update(open_since=None)
    SyncRun.objects.update(due_at=timezone.now())
    claimed = []

    def claim_slowly():
        with transaction.atomic():
            claimed.append(claims.claim(runs[5].pk, 1))
            is_held.set()
            may_commit.wait(5)

    def release():
        is_held.wait(5)
        breaker._release(host)
        may_commit.set()

    is_held, may_commit = threading.Event(), threading.Event()
    in_threads(claim_slowly, release)
    assert claimed[0]
    assert outcomes.reap_expired(timezone.now()) == 0


def test_counts_attempts_and_loses_none(runs, host):
    fail_all(runs)
    assert SyncAttempt.objects.filter(finished_at=None).count() == 0
    assert SyncAttempt.objects.filter(outcome="failed").count() == 5
