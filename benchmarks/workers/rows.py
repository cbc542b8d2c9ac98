"""Meetings to sync, each of another person, and whether all of them were synced."""

from django.utils import timezone

from benchmarks.rows import connect, invite, make_meetings, make_users
from crmsync.models import RemoteRecord, SyncAttempt, SyncRun
from meetings.models import Meeting, SyncStep


def make_unsynced(count: int) -> list[Meeting]:
    users = make_users(count)
    connect(users, "steady")
    meetings = make_meetings(users)
    invite(meetings, lambda: ["ann@acme.example"])
    return meetings


def make_runs(count: int) -> list[SyncRun]:
    """As requested a moment ago, their hints not sent yet."""
    now = timezone.now()
    return SyncRun.objects.bulk_create(
        SyncRun(
            meeting=meeting,
            connection=meeting.user.connection,
            provider="steady",
            sent_at=now,
            turn_at=now,
        )
        for meeting in make_unsynced(count)
    )


def count_steps() -> int:
    return SyncAttempt.objects.filter(outcome="succeeded").count()


def count_in_flight() -> int:
    return SyncAttempt.objects.filter(finished_at=None).count()


def check_all(count: int) -> None:
    """Each was synced at its first try, and everything of it is written down."""
    steps = len(SyncStep)
    assert SyncRun.objects.filter(status="succeeded").count() == count == SyncRun.objects.count()
    assert Meeting.objects.filter(last_sync_success=True).count() == count
    assert count_steps() == steps * count
    assert SyncAttempt.objects.count() == RemoteRecord.objects.count() == steps * count
