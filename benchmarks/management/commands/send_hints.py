from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from crmsync.engine import hints


class Command(BaseCommand):
    help = "Sends as many hints as it is told to, of syncs that do not exist."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("count", type=int)

    def handle(self, *args: Any, count: int, **options: Any) -> None:
        hints.send_hints((number, 1) for number in range(count))
        assert hints.length() == count
