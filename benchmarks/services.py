"""A PostgreSQL and a Valkey of the run's own, and processes that use them."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import redis
from django.conf import settings
from django.core.management import call_command

from benchmarks.postgres import Postgres
from syncsite.demo.processes import Processes, procfile
from syncsite.demo.valkey import EmbeddedValkey
from syncsite.tests.processes import wait_for

PROCFILE = procfile(Path(settings.BASE_DIR) / "Procfile")


class Services:
    """Those that the settings name. `logs` is where processes log to, if they are to be kept."""

    def __init__(self, folder: Path, logs: Path | None = None) -> None:
        self.folder = folder
        self.logs = logs or folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.postgres = Postgres(folder)
        self.socket = folder / "valkey.sock"
        self.valkey = EmbeddedValkey(self.socket, folder)

    def __enter__(self) -> "Services":
        self.postgres.start()
        self.valkey.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.valkey.stop()
        self.postgres.stop()

    def redis_url(self, database: int) -> str:
        return f"unix://{self.socket}?db={database}"

    def redis(self, database: int = 0) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url(database))

    def empty(self) -> None:
        call_command("flush", interactive=False, verbosity=0)
        self.redis().flushall()

    @contextmanager
    def running(
        self,
        commands: Mapping[str, str],
        variables: Mapping[str, str],
        is_ready: Callable[[], bool],
    ) -> Iterator[Processes]:
        """From when they are ready; one that ends by itself is an error."""
        processes = Processes(settings.BASE_DIR, self.logs, {**environment(), **variables})
        try:
            for name, command in commands.items():
                processes.start(name, command)
            wait_for(lambda: processes.dead() or is_ready())
            self._assert_alive(processes)
            yield processes
            self._assert_alive(processes)
        finally:
            processes.stop()

    def _assert_alive(self, processes: Processes) -> None:
        name = processes.dead()
        if name:
            raise RuntimeError(
                f"{name} ended: {(self.logs / name).with_suffix('.log').read_text()}"
            )


def environment() -> dict[str, str]:
    """What a process needs to use the same services and keys as this one."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(settings.BASE_DIR),
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": settings.REDIS_URL,
        "CACHE_URL": settings.CACHE_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "CREDENTIALS_KEYS": ",".join(settings.CREDENTIALS_KEYS),
    }


def http_status(port: int, path: str) -> int:
    """0 where nobody answers."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).status_code
    except httpx.TransportError:
        return 0
