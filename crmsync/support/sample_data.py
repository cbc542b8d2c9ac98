"""Sample users and meetings. Creating them again changes nothing."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.models import User
from crmsync.fields import Sealed
from crmsync.models import Connection
from crmsync.providers.sandbox import CONNECTION
from meetings.models import Attendee, Meeting

DEMO_USER = "test-user@example.com"
SUPPORT_USER = "support@example.com"
ADMIN = "admin@example.com"
LOCAL_PASSWORD = "syncsite-demo"  # noqa: S105 - taken only where the machine's keys are local, too
CHUNK = 1000
TITLES = ["Kick-off", "Quarterly review", "Product demo", "Contract talks", "Lunch", "Follow-up"]
COMPANIES = ["Acme", "Globex", "Initech", "Umbrella", "Hooli", "Stark Industries", "Wayne"]
PEOPLE = ["Ann Lee", "Bob Stone", "Carla Díaz", "Dmitri Wolf", "Emi Tanaka", "Femi Ade"]


# The second meeting of the demo user succeeds at the third try, the third one fails for good.
FAULTS = {1: "unavailable.step2.x2@sandbox.invalid", 2: "rejected@sandbox.invalid"}


def make_users(emails: Sequence[str], password: str) -> Sequence[User]:
    known = set(User.objects.filter(email__in=emails).values_list("email", flat=True))
    missing = [email for email in emails if email not in known]
    hashed = make_password(password) if missing else ""  # Once: hashing is slow on purpose.
    User.objects.bulk_create(
        [User(email=email, password=hashed) for email in missing], batch_size=CHUNK
    )
    return User.objects.filter(email__in=emails).order_by("pk")


def make_support_user(password: str) -> None:
    """With the rights of the support desk, and no others."""
    if not User.objects.filter(email=SUPPORT_USER).exists():
        agent = User.objects.create_user(SUPPORT_USER, password, is_staff=True)
        agent.groups.add(*Group.objects.filter(name="Support"))


def make_admin(password: str) -> None:
    if not User.objects.filter(email=ADMIN).exists():
        User.objects.create_superuser(ADMIN, password)


def set_password(emails: Sequence[str], password: str) -> None:
    for user in User.objects.filter(email__in=emails):
        if not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password", "token_key"])


def connect_to_sandbox(users: Sequence[User]) -> None:
    connected = set(Connection.objects.filter(user__in=users).values_list("user", flat=True))
    credentials = Sealed.seal({})
    Connection.objects.bulk_create(
        [
            Connection(user=user, credentials=credentials, **CONNECTION)
            for user in users
            if user.pk not in connected
        ],
        batch_size=CHUNK,
    )


def make_meetings(users: Sequence[User], count: int) -> Iterator[int]:
    """Creates missing meetings in chunks; yields the size of each chunk."""
    owners = list(users)
    for start in range(0, count, CHUNK):
        numbers = range(start, min(start + CHUNK, count))
        keys = {_key(n): n for n in numbers}
        for known in Meeting.objects.filter(key__in=keys).values_list("key", flat=True):
            del keys[known]
        made = Meeting.objects.bulk_create(
            _draft(key, n, owners[n % len(owners)]) for key, n in keys.items()
        )
        Attendee.objects.bulk_create(
            attendee for meeting in made for attendee in _attendees(keys[meeting.key], meeting.pk)
        )
        yield len(numbers)


def _key(number: int) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"https://example.com/seed/{number}")


def _draft(key: uuid.UUID, number: int, owner: User) -> Meeting:
    starts_at = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=number)
    return Meeting(
        key=key,
        user=owner,
        title=f"{TITLES[number % len(TITLES)]} with {COMPANIES[number % len(COMPANIES)]}",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=45),
        location="Video call" if number % 2 else "Their office",
        notes=f"They want an offer for {number % 40 + 10} seats.",
    )


def _attendees(number: int, meeting_id: int) -> list[Attendee]:
    chosen = [PEOPLE[(number + offset) % len(PEOPLE)] for offset in range(number % 3 + 1)]
    people = {_address(name, number): name for name in chosen}
    if number in FAULTS:
        people[FAULTS[number]] = ""
    return [Attendee(meeting_id=meeting_id, email=e, name=name) for e, name in people.items()]


def _address(name: str, number: int) -> str:
    company = COMPANIES[number % len(COMPANIES)].lower().replace(" ", "-")
    first = name.split()[0].lower()
    return f"{first}@{company}.example"
