from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import api_of
from crmsync.models import SyncRun
from crmsync.operations import connections, syncs
from crmsync.providers.base import Account
from crmsync.providers.sandbox import Sandbox
from meetings.models import Meeting

pytestmark = pytest.mark.django_db

MANY = 2500


@pytest.fixture
def waiting(user, connection):
    """Very many syncs that wait, and one whose step is in progress."""
    now = timezone.now()
    meetings = Meeting.objects.bulk_create(
        Meeting(user=user, title="Lunch", starts_at=now, ends_at=now + timedelta(hours=1))
        for _ in range(MANY)
    )
    SyncRun.objects.bulk_create(
        SyncRun(meeting=meeting, connection=connection, provider="sandbox") for meeting in meetings
    )
    Meeting.objects.filter(pk=meetings[0].pk).update(in_progress_sync_status=2)
    return meetings


@pytest.fixture
def measured(count_all_queries):
    """Runs it, and holds that its statements grow with the batches alone."""

    def run(action):
        with count_all_queries() as statements:
            action()
        batches = MANY / syncs.BATCH
        assert len(statements) < 20 + 5 * batches

    return run


def is_canceled(user, meeting):
    api, path = api_of(user), f"/meetings/{meeting.pk}"
    assert api.get(f"{path}/sync_status").json() == {"in_progress_sync_status": None}
    return api.get(f"{path}/sync").json()["state"] == "canceled"


def test_disconnecting_takes_few_statements_however_many_wait(waiting, connection, user, measured):
    shown = [waiting[0], waiting[-1]]
    assert not any(is_canceled(user, meeting) for meeting in shown[1:])
    measured(lambda: connections.disconnect(connection))
    assert not SyncRun.objects.active().exists()
    assert all(is_canceled(user, meeting) for meeting in shown)


def test_another_account_takes_few_statements_however_many_wait(
    waiting, connection, user, measured, monkeypatch
):
    monkeypatch.setattr(Sandbox, "check", lambda _: Account("another", "Another"))
    measured(lambda: connections.connect(user, "sandbox", {}))
    assert not SyncRun.objects.active().exists()


def test_pausing_takes_few_statements_however_many_wait(waiting, connection, measured):
    measured(lambda: connections.pause(connection.pk))
    assert SyncRun.objects.active().count() == MANY


def test_pausing_takes_few_statements_however_many_are_retried(waiting, connection, measured):
    Meeting.objects.update(in_progress_sync_status=2)
    later = timezone.now() + timedelta(minutes=20)
    SyncRun.objects.update(status=SyncRun.Status.RETRYING, due_at=later)
    measured(lambda: connections.pause(connection.pk))
    assert SyncRun.objects.filter(status="queued", due_at__lt=later).count() == MANY
    assert not Meeting.objects.exclude(in_progress_sync_status=None).exists()
