"""The only writer of Notice: what a person is told by mail, because nobody else can mend it.

One mail per cause and day. None for what they see happen on the page that they just clicked on,
and none for what is mended before it is due.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from crmsync.incidents.alerts import WITHOUT_SERVER
from crmsync.incidents.routes import THEIRS
from crmsync.models import Notice, SyncRun

WATCHING = timedelta(minutes=5)  # For so long after a click, people look at the page.
DELAY = timedelta(minutes=5)
ONE_EVERY = timedelta(days=1)
RETRY_AFTER = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(days=1)


def request(run: SyncRun, cause: str, now: datetime) -> None:
    """Needs the row of the run's connection locked, so that no two ask at once."""
    owner = run.connection.user
    is_watching = run.requested_by_id == owner.pk and now - run.created_at < WATCHING
    if cause not in THEIRS or is_watching or not owner.mail_about_syncs:
        return
    if settings.EMAIL_BACKEND in WITHOUT_SERVER:
        return
    told = Notice.objects.filter(user=owner, cause=cause, given_up_at=None)
    recent = told.filter(created_at__gt=now - ONE_EVERY)
    recent.filter(delivered_at=None).update(run=run)  # It is about the latest.
    if not recent.exists():
        Notice.objects.create(user=owner, run=run, cause=cause, created_at=now, due_at=now + DELAY)


def select_due(now: datetime) -> list[int]:
    return Notice.objects.select_due(now)


def claim(pk: int, now: datetime) -> Notice | None:
    """Claims the notice for one delivery; None if it is not due."""
    if not Notice.objects.claim(pk, now):
        return None
    return Notice.objects.select_related("user", "run__meeting").get(pk=pk)


def record_delivery(notice: Notice) -> None:
    Notice.objects.record_delivery(notice.pk, timezone.now())


def record_failure(notice: Notice, why: str) -> None:
    now = timezone.now()
    given_up_at = now if now - notice.created_at > GIVE_UP_AFTER else None
    Notice.objects.record_failure(
        notice.pk, notice.tries, why, retry_at=now + RETRY_AFTER, given_up_at=given_up_at
    )


def withdraw(notice: Notice) -> None:
    Notice.objects.undelivered().filter(pk=notice.pk).update(given_up_at=timezone.now())
