import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from accounts.cache import counters
from crmsync.metrics import totals
from crmsync.models import Connection, SyncRun
from crmsync.operations import syncs

pytestmark = pytest.mark.django_db

MONITORING = Path(django_settings.BASE_DIR) / "syncsite" / "monitoring"


def scrape(client):
    """Every sample by name and labels, as `name{label=value}`."""
    text = client.get("/metrics").content.decode()
    return {
        sample.name + "".join(f" {k}={v}" for k, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_count_ended_syncs_and_their_tries(client, make_meeting, connection, settle):
    for email in ("ann@acme.example", "unavailable.x2@sandbox.invalid", "rejected@sandbox.invalid"):
        syncs.request_sync(make_meeting(email), by=None)
        settle()
    totals.add_ended()
    figures = scrape(client)
    assert figures["syncsite_runs_total cause= code= provider=sandbox status=succeeded"] == 2
    assert (
        figures["syncsite_runs_total cause= code=record_rejected provider=sandbox status=failed"]
        == 1
    )
    assert figures["syncsite_run_attempts_total provider=sandbox status=succeeded"] == 3 + 5
    assert figures["syncsite_step_seconds_count provider=sandbox step=contacts"] == 2
    assert figures["syncsite_step_seconds_bucket le=+Inf provider=sandbox step=notes"] == 2


def test_count_each_sync_once(client, meeting, connection, settle):
    syncs.request_sync(meeting, by=None)
    settle()
    totals.add_ended()
    assert totals.add_ended() == 0
    assert scrape(client)["syncsite_runs_total cause= code= provider=sandbox status=succeeded"] == 1


def test_keep_their_counts_when_the_syncs_are_gone(client, meeting, connection, settle):
    syncs.request_sync(meeting, by=None)
    settle()
    totals.add_ended()
    meeting.delete()
    assert scrape(client)["syncsite_runs_total cause= code= provider=sandbox status=succeeded"] == 1


def test_tell_what_is_under_way(client, meeting, connection):
    run, _ = syncs.request_sync(meeting, by=None)
    then = timezone.now() - timedelta(seconds=90)
    SyncRun.objects.filter(pk=run.pk).update(due_at=then, ready_since=then)
    figures = scrape(client)
    assert figures["syncsite_active_runs provider=sandbox status=queued"] == 1
    assert (figures["syncsite_due_runs"], figures["syncsite_claimed_runs"]) == (1, 0)
    assert 89 < figures["syncsite_oldest_due_run_seconds"] < 120


def test_raise_no_alarm_for_a_sync_that_waits_for_its_owner(client, meeting, connection):
    syncs.request_sync(meeting, by=None)
    Connection.objects.update(state="needs_reauth")
    figures = scrape(client)
    assert figures["syncsite_oldest_due_run_seconds"] == 0
    assert figures["syncsite_held_runs"] == 1
    assert figures["syncsite_connections provider=sandbox state=needs_reauth"] == 1


def test_count_open_incidents(client, make_meeting, connection, settle):
    syncs.request_sync(make_meeting("rejected@sandbox.invalid"), by=None)
    settle()
    labels = "cause=record_rejected provider=sandbox"
    assert scrape(client)[f"syncsite_open_incidents {labels}"] == 1


def test_tell_200_from_304_and_hits_from_misses(client, own_api, meeting):
    path = f"/meetings/{meeting.pk}"
    etag = own_api.get(f"{path}/sync")["ETag"]
    own_api.get(f"{path}/sync", headers={"If-None-Match": etag})
    own_api.get(f"{path}/sync_status")
    counters.flush()
    figures = scrape(client)
    assert figures["syncsite_polls_total endpoint=sync status=200"] == 1
    assert figures["syncsite_polls_total endpoint=sync status=304"] == 1
    assert figures["syncsite_polls_total endpoint=sync_status status=200"] == 1
    assert figures["syncsite_cache_lookups_total copy=document result=hit"] == 1
    assert figures["syncsite_cache_lookups_total copy=document result=miss"] == 1


def test_name_no_person(client, make_meeting, connection, settle):
    syncs.request_sync(make_meeting("rejected@sandbox.invalid"), by=None)
    settle()
    totals.add_ended()
    text = client.get("/metrics").content.decode()
    assert "@" not in text
    assert "Kick-off" not in text


def test_cost_the_same_queries_however_many_syncs_there_are(client, make_meeting, connection):
    def count_queries():
        with CaptureQueriesContext(database) as queries:
            scrape(client)
        return len(queries)

    syncs.request_sync(make_meeting(), by=None)
    before = count_queries()
    for _ in range(10):
        syncs.request_sync(make_meeting(), by=None)
    assert count_queries() == before <= 10


def test_are_all_that_the_dashboard_and_the_rules_ask_for(client, make_meeting, connection, settle):
    syncs.request_sync(make_meeting("rejected@sandbox.invalid"), by=None)
    syncs.request_sync(make_meeting(), by=None)
    settle()
    totals.add_ended()
    counters.count("poll", "sync", "200")
    counters.count("cache", "user", "hit")
    counters.flush()
    there = {name.partition(" ")[0] for name in scrape(client)} | {"syncsite_active_runs"}
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked.append((MONITORING / "alerts.yml").read_text())
    assert set(re.findall(r"syncsite_\w+", " ".join(asked))) <= there
