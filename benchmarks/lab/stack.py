"""The processes of the Procfile on a Valkey of their own; whatever dies is started again."""

import os
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import redis
from django.conf import settings

from benchmarks.services import PROCFILE, http_status
from syncsite.demo.processes import Processes
from syncsite.demo.valkey import EmbeddedValkey
from syncsite.redis_urls import unix_url
from syncsite.tests.processes import free_ports, wait_for

CONCURRENCY = 3
LEASE_SECONDS = 8
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    "ALLOW_PRIVATE_CRM_HOSTS": "1",
    "SYNC_LEASE_SECONDS": str(LEASE_SECONDS),
    "SYNC_RETRY_DELAYS": "0.5,1,2,3,3,3,3,3",
    "SYNC_CONCURRENCY_PER_CONNECTION": str(CONCURRENCY),
    "WEB_CONCURRENCY": "1",
    "LOG_LEVEL": "INFO",
}


class Stack:
    """`counts` says how many of each process."""

    def __init__(self, folder: Path, environment: Mapping[str, str], counts: Mapping[str, int]):
        self.valkey = EmbeddedValkey(folder / "valkey.sock", folder)
        base = unix_url(self.valkey.socket).partition("?")[0]
        redis_urls = {"REDIS_URL": f"{base}?db=0", "CACHE_URL": f"{base}?db=1"}
        variables = {"PATH": os.environ["PATH"], **ENVIRONMENT, **environment, **redis_urls}
        logs = folder / "logs"
        logs.mkdir()
        self.processes = Processes(settings.BASE_DIR, logs, variables)
        self.names = [f"{kind}-{n}" for kind, count in counts.items() for n in range(count)]
        self.ports = free_ports(counts["web"])
        self.restarts = 0
        self._ending, self._idle, self._stopped = (threading.Event() for _ in range(3))
        self._supervisor = threading.Thread(target=self._restart_the_dead)

    def __enter__(self) -> "Stack":
        self.valkey.start()
        for name in self.names:
            self._start(name)
        wait_for(lambda: all(http_status(port, "/readyz") == 200 for port in self.ports))
        self._supervisor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._idle.wait()
        self.processes.stop()
        self._stopped.set()
        self._supervisor.join()
        self.valkey.stop()

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def redis(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.valkey.socket))

    def pids(self, kind: str) -> list[int]:
        running = self.processes.running.items()
        return [process.pid for name, process in running if name.startswith(kind)]

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def _start(self, name: str) -> None:
        kind, _, number = name.partition("-")
        port = {"HOST": "127.0.0.1", "PORT": str(self.ports[int(number)])} if kind == "web" else {}
        self.processes.start(name, PROCFILE[kind], **port)

    def _restart_the_dead(self) -> None:
        while not self._ending.wait(0.1):
            for name, process in list(self.processes.running.items()):
                if process.poll() is not None:
                    self.restarts += 1
                    self._start(name)
        self._idle.set()
        # The end of a thread signals the processes that it started. granian hangs if a second
        # signal meets it in the handler of the first.
        self._stopped.wait()
