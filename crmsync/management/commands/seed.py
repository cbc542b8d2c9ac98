import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import track

from accounts.models import User
from crmsync.fields import Sealed
from crmsync.models import Connection
from crmsync.providers.sandbox import CONNECTION
from crmsync.support import sample_states
from meetings.models import Attendee, Meeting

DEMO_USER = "test-user@example.com"
SUPPORT_USER = "support@example.com"
LOCAL_PASSWORD = "syncsite-demo"  # noqa: S105 - taken only where the machine's keys are local, too
CHUNK = 1000
TITLES = ["Kick-off", "Quarterly review", "Product demo", "Contract talks", "Lunch", "Follow-up"]
COMPANIES = ["Acme", "Globex", "Initech", "Umbrella", "Hooli", "Stark Industries", "Wayne"]
PEOPLE = ["Ann Lee", "Bob Stone", "Carla Díaz", "Dmitri Wolf", "Emi Tanaka", "Femi Ade"]
# The second meeting of the demo user succeeds at the third try, the third one fails for good.
FAULTS = {1: "unavailable.step2.x2@sandbox.invalid", 2: "rejected@sandbox.invalid"}


class Command(BaseCommand):
    help = "Makes a demo user, a support login and meetings to play with. Safe to run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--users", type=int, default=1, metavar="N", help="owners of meetings")
        parser.add_argument("--meetings", type=int, default=10, metavar="N", help="in all")
        parser.add_argument(
            "--states", action="store_true", help="one meeting in every state and with every error"
        )
        parser.add_argument("--password", metavar="P", help="of every user that is made")

    def handle(self, *args: Any, **options: Any) -> str:
        password = _checked(options["password"]) or _local_password()
        if options["users"] < 1 or options["meetings"] < 0:
            raise CommandError("Seed at least one user and no fewer than zero meetings.")
        emails = [DEMO_USER, *(f"user-{n}@example.com" for n in range(2, options["users"] + 1))]
        users = _make_users(emails, password)
        _make_support(password)
        if options["password"]:
            _set_password([DEMO_USER, SUPPORT_USER], password)
        _connect(users)
        _make_meetings(users, options["meetings"])
        owners = sample_states.make(make_password(password)) if options["states"] else []
        shown = f" One meeting in every state and with every error: {', '.join(owners)}."
        return (
            f"Seeded {len(users)} users and {options['meetings']} meetings.{shown * bool(owners)} "
            f"Sign in as {DEMO_USER}, in the admin as {SUPPORT_USER}."
        )


def _checked(password: str | None) -> str | None:
    try:
        if password is not None:
            validate_password(password)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    return password


def _local_password() -> str:
    if not settings.GENERATED_KEYS:
        raise CommandError("Give a --password: the usual one is known to everybody.")
    return LOCAL_PASSWORD


def _make_users(emails: Sequence[str], password: str) -> Sequence[User]:
    known = set(User.objects.filter(email__in=emails).values_list("email", flat=True))
    missing = [email for email in emails if email not in known]
    hashed = make_password(password) if missing else ""  # Once: hashing is slow on purpose.
    User.objects.bulk_create(
        [User(email=email, password=hashed) for email in missing], batch_size=CHUNK
    )
    return User.objects.filter(email__in=emails).order_by("pk")


def _make_support(password: str) -> None:
    if not User.objects.filter(email=SUPPORT_USER).exists():
        User.objects.create_superuser(SUPPORT_USER, password)


def _set_password(emails: Sequence[str], password: str) -> None:
    for user in User.objects.filter(email__in=emails):
        if not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])


def _connect(users: Sequence[User]) -> None:
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


def _make_meetings(users: Sequence[User], count: int) -> None:
    owners = list(users)
    console = Console(stderr=True)
    starts = range(0, count, CHUNK)
    for start in track(starts, "Meetings", console=console, disable=not console.is_terminal):
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
