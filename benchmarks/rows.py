"""Users, connections and meetings for a benchmark."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from crmsync.fields import Sealed
from crmsync.models import Connection
from meetings.models import Attendee, Meeting


def make_users(count: int) -> list[User]:
    first = User.objects.count()
    users = (
        # Nobody signs in with the password; each token carries the digest of its own.
        User(email=f"user-{number}@example.com", password=f"!{number}")
        for number in range(first, first + count)
    )
    return User.objects.bulk_create(users)


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
    now = timezone.now()
    times = {"starts_at": now, "ends_at": now + timedelta(hours=1)}
    content = {"title": "Lunch", "notes": "Said.", **times, **values}
    return Meeting.objects.bulk_create(Meeting(user=owner, **content) for owner in owners)


def invite(meetings: Iterable[Meeting], draw_emails: Callable[[], Sequence[str]]) -> None:
    """Each to a number of attendees of its own."""
    Attendee.objects.bulk_create(
        Attendee(meeting=meeting, email=email, name="Ann Lee")
        for meeting in meetings
        for email in draw_emails()
    )
