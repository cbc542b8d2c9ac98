from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError
from django.utils import timezone

from conftest import run_command
from crmsync.metrics import totals
from crmsync.models import (
    IdempotentRequest,
    Incident,
    OAuthState,
    SupportAction,
    SyncAttempt,
    SyncRun,
)
from crmsync.operations import retention, syncs

pytestmark = pytest.mark.django_db


def prune(*options):
    return run_command("prune_sync_history", "--older-than", *options)


@pytest.fixture
def synced_often(meeting, connection, settle):
    """A meeting with three syncs, of 100, 95 and 0 days ago."""
    for days in (100, 95, 0):
        run, _ = syncs.request_sync(meeting, by=None)
        settle()
        then = timezone.now() - timedelta(days=days)
        SyncRun.objects.filter(pk=run.pk).update(finished_at=then)
    totals.add_ended()
    return meeting


def test_deletes_what_is_old_with_its_attempts(synced_often):
    assert prune("90d").startswith("Deleted 2 syncs")
    assert SyncRun.objects.count() == 1
    assert SyncAttempt.objects.count() == 3


def test_keeps_the_last_sync_of_a_meeting_however_old_it_is(synced_often):
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(days=365))
    prune("90d")
    assert SyncRun.objects.count() == 1


def test_keeps_what_is_not_counted_yet(synced_often):
    SyncRun.objects.update(counted=False)
    assert prune("90d").startswith("Deleted 0 syncs")


def test_works_in_batches(synced_often, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 1)
    assert list(retention.prune(timezone.now() - timedelta(days=90))) == [1, 1]


def test_only_counts_in_a_dry_run(synced_often):
    assert prune("90d", "--dry-run").startswith("Would delete 2 syncs")
    assert SyncRun.objects.count() == 3


@pytest.mark.parametrize("age", ["90", "soon", "-1d", "1.5d"])
def test_takes_days_only(age):
    with pytest.raises(CommandError, match="older-than"):
        run_command("prune_sync_history", f"--older-than={age}")


def test_deletes_whatever_else_has_aged(connection, user):
    now = timezone.now()
    old, young = now - timedelta(days=91), now - timedelta(days=89)
    for moment in (old, young):
        Incident.objects.create(connection=connection, cause="x", resolved_at=moment)
        by = {"kind": "cancel", "targets": [], "by_name": "x", "reason": "x"}
        SupportAction.objects.create(finished_at=moment, **by)
        IdempotentRequest.objects.create(user=user, key=str(moment), begun_at=moment)
        OAuthState.objects.create(user=user, nonce=str(moment), begun_at=moment)
        Session.objects.create(session_key=str(moment)[:40], expire_date=moment)
    Incident.objects.create(connection=connection, cause="still open", last_seen_at=old)
    report = prune("90d")
    assert "Deleted 1 incidents. Deleted 1 support actions. Deleted 1 idempotency keys." in report
    assert "Deleted 1 sign-ins. Deleted 1 admin sessions." in report
    assert Incident.objects.count() == 2
    assert "incidents" not in prune("90d")
