"""What the tests of claims and outcomes look at and change."""

from datetime import timedelta

from django.utils import timezone

from crmsync.models import SyncRun


def fields(meeting):
    meeting.refresh_from_db()
    return meeting.in_progress_sync_status, meeting.last_sync_success


def let_lease_expire(run):
    SyncRun.objects.filter(pk=run.pk).update(due_at=timezone.now() - timedelta(seconds=1))
