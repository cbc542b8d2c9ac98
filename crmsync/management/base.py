from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class BriefCommand(BaseCommand):
    """A wrong argument ends it with one sentence, without the usage of all others."""

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(*args, **kwargs)
        parser.print_usage = lambda file=None: None  # type: ignore[method-assign]
        return parser
