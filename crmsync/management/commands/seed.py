from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from accounts.models import User
from crmsync.management.base import BriefCommand
from crmsync.support import sample_states
from crmsync.support.sample_data import (
    DEMO_USER,
    LOCAL_PASSWORD,
    SUPPORT_USER,
    connect_to_sandbox,
    make_meetings,
    make_support_user,
    make_users,
    set_password,
)


class Command(BriefCommand):
    help = "Creates a demo user, a support login and sample meetings. Safe to run again."

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
            raise CommandError("Give at least one user and zero or more meetings.")
        emails = [DEMO_USER, *(f"user-{n}@example.com" for n in range(2, options["users"] + 1))]
        users = make_users(emails, password)
        make_support_user(password)
        if options["password"]:
            set_password([DEMO_USER, SUPPORT_USER], password)
        connect_to_sandbox(users)
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
        raise CommandError("Give a --password: the default one is public.")
    return LOCAL_PASSWORD


def _make_meetings(users: Sequence[User], count: int) -> None:
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("Meetings", total=count)
        for made in make_meetings(users, count):
            progress.advance(task, made)
