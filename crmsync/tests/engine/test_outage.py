"""While a CRM answers nobody: its syncs wait, one at a time probes, and no tries are burnt."""

import pytest
from django.utils import timezone

from conftest import api_of
from crmsync.engine import breaker, claims, outcomes
from crmsync.errors import CrmError
from crmsync.incidents import incidents
from crmsync.models import CrmHost, Incident, SyncRun
from crmsync.tests.engine.outage import DOWN, attempt, described, fail_all, is_out, later

pytestmark = pytest.mark.django_db


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
