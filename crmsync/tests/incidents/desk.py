"""What the tests of incidents do and look at."""

from datetime import timedelta

from django.utils import timezone

from crmsync.incidents import incidents
from crmsync.models import Alert, SyncRun
from crmsync.operations import syncs

OPENED, RESOLVED = Alert.Kind.OPENED, Alert.Kind.RESOLVED


def sync(meeting, settle):
    run, _ = syncs.request_sync(meeting, by=None)
    settle()
    return SyncRun.objects.get(pk=run.pk)


def review(later=0):
    incidents.review(timezone.now() + timedelta(seconds=later))


def alerts():
    return list(Alert.objects.order_by("pk").values_list("kind", flat=True))
