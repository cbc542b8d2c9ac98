"""What a document says of other rows than its own, for as long as it is so."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone, translation

from crmsync.engine import claims, outcomes
from crmsync.errors import CrmError
from crmsync.incidents import incidents
from crmsync.operations import syncs

pytestmark = pytest.mark.django_db


def later(seconds):
    return time_machine.travel(timezone.now() + timedelta(seconds=seconds))


class TestNobodyWorks:
    def test_is_said_within_half_a_minute(self, read, run):
        with later(25):
            assert read().json()["state"] == "queued"
        with later(31):
            told = read().json()
        assert (told["state"], told["reason"]) == ("waiting", "no_worker")
        assert told["headline"] == "Nobody is working on it right now"
        assert told["poll_after"] <= 30
        assert (told["in_progress_sync_status"], told["last_sync_success"]) == (None, None)

    def test_is_said_of_a_retry_that_nobody_takes(self, read, run, settings):
        settings.SYNC_RETRY_DELAYS = [1]
        outcomes.fail_step(claims.claim(run.pk, 1), CrmError("crm_unavailable"))
        with later(40):
            told = read().json()
        assert (told["reason"], told["in_progress_sync_status"]) == ("no_worker", 1)
        assert told["last_sync_success"] is False

    def test_is_said_of_a_step_whose_worker_is_gone(self, read, run, settings):
        claims.claim(run.pk, 1)
        with later(settings.SYNC_LEASE_SECONDS - 1):
            assert read().json()["state"] == "syncing"
        with later(settings.SYNC_LEASE_SECONDS + 31):
            assert read().json()["reason"] == "no_worker"

    def test_is_said_of_all_in_the_line(self, read, run, make_meeting, own_api):
        rows = [make_meeting() for _ in range(3)]
        for row in rows:
            syncs.request_sync(row, by=None)
        with later(31):
            told = own_api.get(f"/meetings/{rows[2].pk}/sync").json()
        assert (told["state"], told["reason"], told["position"]) == ("waiting", "no_worker", None)

    def test_ends_with_the_next_claim(self, read, run):
        with later(31):
            read()
            claims.claim(run.pk, 1)
            assert read().json()["state"] == "syncing"

    def test_says_that_support_knows_only_if_it_does(self, read, run):
        with later(31):
            assert "support" not in read().json()["detail"]
            incidents.review(timezone.now())
        with later(45):
            assert "Our support has been told" in read().json()["detail"]
            with translation.override("de"):
                told = read(**{"Accept-Language": "de"}).json()
            assert told["detail"].startswith("Unser Support weiß Bescheid.")

    def test_agrees_with_the_readiness_and_the_lists(self, client, own_api, read, run):
        with later(31):
            assert client.get("/readyz").json()["workers"] == "down"
            listed = own_api.get("/meetings", {"state": "waiting"}).json()
            assert [row["sync_state"] for row in listed["results"]] == ["waiting"]

    def test_is_not_said_while_the_crm_wants_no_calls(self, read, run):
        outcomes.fail_step(claims.claim(run.pk, 1), CrmError("crm_rate_limited", retry_after=600))
        with later(300):
            assert read().json()["reason"] == "rate_limited"


class TestLine:
    @pytest.fixture
    def line(self, connection, make_meeting):
        """Four syncs of a connection with two places; two are under way."""
        runs = [syncs.request_sync(make_meeting(), by=None)[0] for _ in range(4)]
        for run in runs[:2]:
            claims.claim(run.pk, 1)
        return runs

    def test_tells_the_place_and_about_when_it_ends(self, own_api, line):
        told = [own_api.get(f"/meetings/{run.meeting_id}/sync").json() for run in line[2:]]
        assert [each["position"] for each in told] == [1, 2]
        assert all(each["reason"] == "other_syncs" for each in told)
        assert "number 2 in line" in told[1]["detail"]
        assert told[0]["progress"]["ends_about"] > timezone.now().isoformat()
        assert told[0]["poll_after"] <= 5

    def test_moves_up(self, own_api, line):
        path = f"/meetings/{line[3].meeting_id}/sync"
        assert own_api.get(path).json()["position"] == 2
        syncs.cancel(line[2].meeting_id)
        with later(6):
            assert own_api.get(path).json()["position"] == 1

    def test_stays_the_same_while_nothing_moves(self, own_api, line):
        path = f"/meetings/{line[3].meeting_id}/sync"
        etags = set()
        for seconds in range(0, 20, 4):
            with later(seconds):
                etags.add(own_api.get(path)["ETag"])
        assert len(etags) <= 2  # Once an estimate has passed, there is none.
