"""Deletes old syncs in batches, so that nobody waits long for a lock."""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from crmsync.models import SyncRun, SyncRunQuerySet

BATCH = 1000


def count_old(before: datetime) -> int:
    return _old(before).count()


def prune(before: datetime) -> Iterator[int]:
    """Yields how many runs each batch deleted."""
    while deleted := _delete_batch(before):
        yield deleted


def _old(before: datetime) -> SyncRunQuerySet:
    """Ended and counted runs, except the last one of each meeting."""
    later = SyncRun.objects.filter(meeting=OuterRef("meeting"), pk__gt=OuterRef("pk"))
    ended = SyncRun.objects.filter(finished_at__lt=before, counted=True)
    return ended.filter(Exists(later)).without_open_attempt()


@transaction.atomic
def _delete_batch(before: datetime) -> int:
    batch = list(_old(before).order_by("finished_at").values_list("pk", flat=True)[:BATCH])
    SyncRun.objects.filter(pk__in=batch).delete()
    return len(batch)
