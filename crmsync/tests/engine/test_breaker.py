"""An outage of a CRM: its syncs wait, one at a time probes, and nobody's tries are burnt."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from conftest import api_of
from crmsync import dispatcher
from crmsync.connections import store
from crmsync.engine import breaker, claims, outcomes
from crmsync.errors import CrmError
from crmsync.fields import Sealed
from crmsync.incidents import incidents
from crmsync.models import Connection, CrmHost, Incident, SyncAttempt, SyncRun
from crmsync.operations import syncs
from crmsync.status.document import describe

pytestmark = pytest.mark.django_db

DOWN = CrmError("crm_unavailable", http_status=503)


@pytest.fixture
def host(db):
    return CrmHost.objects.create(name="api.hubapi.com", provider="hubspot")


@pytest.fixture
def make_run(host, make_meeting):
    """A run of a customer of their own, whose connection leads to the host."""

    def make(email, on=host):
        owner, _ = User.objects.get_or_create(email=email)
        made = {"provider": "hubspot", "account_id": email, "credentials": Sealed.seal({})}
        old = timezone.now() - timedelta(days=1)
        Connection.objects.get_or_create(
            user=owner, defaults={**made, "host": on, "connected_at": old}
        )
        return syncs.request_sync(make_meeting(owner=owner), by=None)[0]

    return make


@pytest.fixture
def runs(make_run):
    """Of three customers, two each."""
    return [make_run(f"{name}@example.com") for name in ("ann", "bob", "cid") for _ in range(2)]


def attempt(run, error=None):
    claim = claims.claim(run.pk, run.step)
    if claim is None:
        return False
    if error:
        outcomes.fail_step(claim, error)
    else:
        outcomes.complete_step(claim, [])
    return True


def is_out(host):
    host.refresh_from_db()
    return host.open_since is not None


def fail_all(runs):
    for run in runs[:5]:
        assert attempt(run, DOWN)


def later(seconds):
    return time_machine.travel(timezone.now() + timedelta(seconds=seconds))


def described(run):
    run = SyncRun.objects.select_related("meeting", "connection__host").get(pk=run.pk)
    return describe(run.meeting, run, run.connection, timezone.now())


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


class TestWhileOut:
    @pytest.fixture(autouse=True)
    def _out(self, runs, host):
        fail_all(runs)
        assert is_out(host)

    def test_nobody_starts(self, runs, make_run):
        assert not attempt(runs[5])
        assert not attempt(make_run("eve@example.com"))

    def test_one_probes_in_each_interval(self, runs, make_run):
        with later(31):
            SyncRun.objects.update(due_at=timezone.now())
            assert [attempt(run, DOWN) for run in runs].count(True) == 1
        with later(40):
            SyncRun.objects.update(due_at=timezone.now())
            assert not any(attempt(run, DOWN) for run in runs)

    def test_the_dispatcher_sends_one_to_probe(self, runs):
        assert breaker.select_probes(timezone.now()) == []
        with later(31):
            assert len(breaker.select_probes(timezone.now())) == 1
            assert breaker.select_probes(timezone.now()) == []  # Its hint is on the way.

    def test_burns_no_try(self, runs):
        with later(31):
            before = dict(SyncRun.objects.values_list("pk", "failures"))
            [(pk, step)] = breaker.select_probes(timezone.now())
            outcomes.fail_step(claims.claim(pk, step), DOWN)
            assert dict(SyncRun.objects.values_list("pk", "failures")) == before

    def test_everybody_reads_so(self, runs, make_run):
        for run in [*runs, make_run("eve@example.com")]:
            told = described(run)
            assert (told["state"], told["reason"]) == ("waiting", "crm_outage")
            assert told["headline"] == "Waiting until HubSpot answers again"
            assert told["detail"].startswith("HubSpot has not answered anybody for a few seconds.")
            assert (told["error"], told["poll_after"]) == (None, 30)
        assert described(runs[0])["last_sync_success"] is False
        assert described(runs[5])["last_sync_success"] is None

    def test_a_poll_that_starts_after_it_shows_it(self, runs):
        run = runs[5]
        api = api_of(run.meeting.user)
        path = f"/meetings/{run.meeting_id}/sync"
        assert api.get(path).json()["reason"] == "crm_outage"
        with later(31):
            attempt(SyncRun.objects.get(pk=breaker.select_probes(timezone.now())[0][0]))
            assert api.get(path).json()["reason"] != "crm_outage"

    def test_lists_agree(self, runs):
        api = api_of(runs[5].meeting.user)
        rows = api.get("/meetings", {"state": "waiting"}).json()["results"]
        assert {row["sync_state"] for row in rows} == {"waiting"}
        assert len(rows) == 2

    def test_is_no_lack_of_workers(self, runs):
        with later(300):
            assert SyncRun.objects.longest_wait(timezone.now()) == 0
            assert described(runs[5])["reason"] == "crm_outage"

    def test_on_call_knows_and_hears_of_the_end(self, runs, host):
        incidents.review(timezone.now())
        told = Incident.objects.get(cause="crm_outage")
        assert (told.host_name, told.syncs, told.resolved_at) == ("api.hubapi.com", 6, None)
        CrmHost.objects.update(open_since=None)
        incidents.review(timezone.now())
        told.refresh_from_db()
        assert told.resolved_at

    def test_a_day_of_it_ends_what_waits(self, runs, make_run, settings):
        with later(24 * 3600 + 1):
            young = make_run("eve@example.com")
            outcomes.end_long_outages(timezone.now())
        old = SyncRun.objects.exclude(pk=young.pk)
        assert set(old.values_list("status", "error_code", "error_cause")) == {
            ("failed", "attempts_exhausted", "crm_unavailable")
        }
        young.refresh_from_db()
        assert young.status == "queued"

    def test_a_wrong_sign_in_is_still_told_to_its_owner(self, runs):
        with later(31):
            [(pk, step)] = breaker.select_probes(timezone.now())
            outcomes.fail_step(claims.claim(pk, step), CrmError("connection_expired"))
        assert SyncRun.objects.get(pk=pk).connection.state == "needs_reauth"


class TestCloses:
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


def test_counts_attempts_and_loses_none(runs, host):
    fail_all(runs)
    assert SyncAttempt.objects.filter(finished_at=None).count() == 0
    assert SyncAttempt.objects.filter(outcome="failed").count() == 5
