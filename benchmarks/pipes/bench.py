"""The machine under test: a PostgreSQL and a Valkey of its own, and processes as they are asked."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from django.conf import settings
from django.core.management import call_command

from benchmarks.lab.postgres import Postgres
from syncsite.demo.processes import Processes
from syncsite.demo.valkey import EmbeddedValkey

INHERITED = ("PATH", "DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL")


@dataclass(frozen=True)
class Bench:
    folder: Path
    socket: Path

    @contextmanager
    def running(
        self, commands: Mapping[str, str], variables: Mapping[str, str]
    ) -> Iterator[Processes]:
        """On empty stores; whatever died by itself is an error."""
        self._empty()
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        processes = Processes(settings.BASE_DIR, logs, {**environment(), **variables})
        try:
            for name, command in commands.items():
                processes.start(name, command)
            yield processes
            assert not processes.dead(), f"{processes.dead()} ended by itself."
        finally:
            processes.stop()

    def url(self, database: int) -> str:
        return f"unix://{self.socket}?db={database}"

    def redis(self, database: int) -> redis.Redis:
        return redis.Redis.from_url(self.url(database))

    def _empty(self) -> None:
        call_command("flush", interactive=False, verbosity=0)
        self.redis(0).flushall()


@contextmanager
def open_bench(folder: Path) -> Iterator[Bench]:
    bench = Bench(folder, folder / "valkey.sock")
    valkey = EmbeddedValkey(bench.socket, folder)
    with Postgres(folder):
        valkey.start()
        try:
            call_command("migrate", verbosity=0)
            yield bench
        finally:
            valkey.stop()


def environment() -> Mapping[str, str]:
    keys = {
        "SECRET_KEY": settings.SECRET_KEY,
        "CREDENTIALS_KEYS": ",".join(settings.CREDENTIALS_KEYS),
        "PYTHONPATH": str(settings.BASE_DIR),
    }
    return {**keys, **{name: os.environ[name] for name in INHERITED}}
