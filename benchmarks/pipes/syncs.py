"""The rows of meetings to sync, each of another person, and whether all of them were synced."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from crmsync.fields import Sealed
from crmsync.models import Connection, RemoteRecord, SyncAttempt, SyncRun
from meetings.models import Attendee, Meeting, SyncStep

BATCH = 1000


def make_meetings(count: int) -> list[Meeting]:
    first = User.objects.count()
    users = User.objects.bulk_create(
        (User(email=f"user-{first + number}@example.com") for number in range(count)),
        batch_size=BATCH,
    )
    Connection.objects.bulk_create(
        Connection(
            user=user,
            provider="steady",
            account_id=user.email,
            account_name=user.email,
            credentials=Sealed.seal({}),
        )
        for user in users
    )
    meetings = Meeting.objects.bulk_create(_meeting(user) for user in users)
    Attendee.objects.bulk_create(
        Attendee(meeting=meeting, email="ann@acme.example", name="Ann Lee") for meeting in meetings
    )
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
            ready_since=now,
        )
        for meeting in make_meetings(count)
    )


def count_steps() -> int:
    return SyncAttempt.objects.filter(outcome="succeeded").count()


def count_calling() -> int:
    return SyncAttempt.objects.filter(finished_at=None).count()


def check_all(count: int) -> None:
    """Each was synced at its first try, and everything of it is written down."""
    steps = len(SyncStep)
    assert SyncRun.objects.filter(status="succeeded").count() == count == SyncRun.objects.count()
    assert Meeting.objects.filter(last_sync_success=True).count() == count
    assert count_steps() == steps * count
    assert SyncAttempt.objects.count() == RemoteRecord.objects.count() == steps * count


def _meeting(user: User) -> Meeting:
    starts_at = timezone.now()
    ends_at = starts_at + timedelta(hours=1)
    return Meeting(user=user, title="Lunch", notes="Said.", starts_at=starts_at, ends_at=ends_at)
