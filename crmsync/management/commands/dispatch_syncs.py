import signal
import threading
from typing import Any

from django.core.management.base import CommandError, CommandParser
from redis.exceptions import RedisError

from crmsync import dispatcher
from crmsync.management.arguments import positive
from crmsync.management.base import BriefCommand


class Command(BriefCommand):
    help = "Sends due syncs to the workers, again and again. Any number may run at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="sweep once, then end")
        parser.add_argument(
            "--interval", type=positive, default=1, help="seconds between two sweeps"
        )

    def handle(self, *args: Any, **options: Any) -> str | None:
        # Arguments of call_command have not passed through their types.
        if not options["interval"] > 0:
            raise CommandError("--interval must be above zero.")
        if options["once"]:
            return _sweep_once()
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        dispatcher.run(options["interval"], stop)
        return None


def _sweep_once() -> str:
    try:
        swept = dispatcher.sweep()
    except RedisError as error:
        raise CommandError(f"Redis is unavailable: {error}") from error
    return (
        f"Sent {swept.hints} syncs and {swept.jobs} other jobs to the workers, "
        f"and ended {swept.lost} tries of lost workers."
    )
