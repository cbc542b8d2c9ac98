"""Users, connections and meetings for a benchmark."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from crmsync.fields import Sealed
from crmsync.models import Connection
from meetings.models import Attendee, Meeting

BATCH = 1000


def make_users(count: int) -> list[User]:
    first = User.objects.count()
    users = (
        # Nobody signs in with the password; each token carries the digest of its own.
        User(email=f"user-{number}@example.com", password=f"!{number}")
        for number in range(first, first + count)
    )
    return User.objects.bulk_create(users, batch_size=BATCH)


def connect(users: Iterable[User], provider: str, **credentials: str) -> None:
    """Each to an account of their own, with their e-mail address as the token."""
    Connection.objects.bulk_create(
        Connection(
            user=user,
            provider=provider,
            account_id=user.email,
            account_name=user.email,
            credentials=Sealed.seal({"token": user.email, **credentials}),
        )
        for user in users
    )


def make_meetings(owners: Iterable[User], **values: Any) -> list[Meeting]:
    """One for each time that an owner is named."""
    starts_at = timezone.now()
    content = {"title": "Lunch", "notes": "Said.", "starts_at": starts_at, **values}
    ends_at = starts_at + timedelta(hours=1)
    meetings = (Meeting(user=owner, ends_at=ends_at, **content) for owner in owners)
    return Meeting.objects.bulk_create(meetings, batch_size=BATCH)


def invite(meetings: Iterable[Meeting], draw_emails: Callable[[], Sequence[str]]) -> None:
    """Each to a number of attendees of its own."""
    Attendee.objects.bulk_create(
        Attendee(meeting=meeting, email=email, name="Ann Lee")
        for meeting in meetings
        for email in draw_emails()
    )
