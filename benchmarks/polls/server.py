"""One candidate's server, for as long as it is measured."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
from django.conf import settings

from benchmarks.lab.stack import children_of
from benchmarks.polls.candidates import Candidate
from syncsite.demo.processes import Processes
from syncsite.tests.processes import free_port

START_SECONDS = 30


class Server:
    """Logs to `folder`. Its `pids` are those of the whole tree."""

    def __init__(self, candidate: Candidate, processes: int, folder: Path, copies_url: str) -> None:
        self.port = free_port()
        self.log = folder / "web.log"
        self.processes = Processes(
            settings.BASE_DIR,
            folder,
            {**_environment(processes, copies_url), **candidate.environment},
        )
        self.command = candidate.command(self.port, processes)

    def __enter__(self) -> "Server":
        self.processes.start("web", self.command, HOST="127.0.0.1", PORT=str(self.port))
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.processes.dead() or time.monotonic() > deadline:
                self.processes.stop()
                raise RuntimeError(f"{self.command}\n{self.log.read_text()}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pids(self) -> list[int]:
        return _tree(self.processes.running["web"].pid)

    def _answers(self) -> bool:
        try:
            httpx.get(f"{self.url}/", trust_env=False)
        except httpx.TransportError:
            return False
        return True


def _environment(processes: int, copies_url: str) -> Mapping[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": settings.REDIS_URL,
        "COPIES_URL": copies_url,
        "SECRET_KEY": settings.SECRET_KEY,
        "CREDENTIALS_KEYS": ",".join(settings.CREDENTIALS_KEYS),
        "WEB_CONCURRENCY": str(processes),
    }


def _tree(pid: int) -> list[int]:
    return [pid, *(below for child in children_of(pid) for below in _tree(child))]
