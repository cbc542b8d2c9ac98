from typing import Any

from django.core.management.base import CommandError, CommandParser

from crmsync.management.base import BriefCommand
from crmsync.operations.credentials import Outcome, rotate


class Command(BriefCommand):
    help = "Encrypts every stored credential with the newest of the CREDENTIALS_KEYS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> str:
        outcomes = rotate(dry_run=options["dry_run"])
        older = outcomes[Outcome.OLDER]
        done = "need an older key" if options["dry_run"] else "were encrypted with the newest key"
        report = f"{older} credentials {done}, {outcomes[Outcome.NEWEST]} had it already."
        if outcomes[Outcome.UNKNOWN]:
            lost = f"{outcomes[Outcome.UNKNOWN]} open with none of the CREDENTIALS_KEYS"
            raise CommandError(f"{report} {lost}: add the key that is missing.")
        return report
