"""Who is measured: what starts the server, and what is asked of it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from benchmarks.polls import poll
from benchmarks.polls.poll import PollOf
from syncsite.demo.processes import procfile

PRODUCT = "syncsite.wsgi"
RIVALS = "benchmarks.polls.servers"
MEMO = {"TOKEN_MEMO": "1"}
Command = Callable[[int, int], str]  # Of a port and the number of processes.


@dataclass(frozen=True)
class Candidate:
    name: str
    command: Command
    poll_of: PollOf = poll.sync_status
    conditional: bool = False  # Asks again with the ETag that it got.
    environment: Mapping[str, str] = field(default_factory=dict)


def web_line() -> str:
    return procfile(Path(settings.BASE_DIR) / "Procfile")["web"]


def as_web(module: str) -> Command:
    """The Procfile's line with another application; WEB_CONCURRENCY sets its processes."""
    line = web_line().replace(PRODUCT, module)
    assert module in line, f"The Procfile's web line does not name {PRODUCT}."
    return lambda port, processes: line  # HOST and PORT are in its environment.


def uvicorn(module: str) -> Command:
    def command(port: int, processes: int) -> str:
        workers = f"--workers {processes}" if processes > 1 else ""
        options = f"--port {port} --no-access-log --log-level warning {workers}"
        return f"uvicorn {module}:application {options}"

    return command


def gunicorn(port: int, processes: int) -> str:
    return f"gunicorn {PRODUCT} --worker-class gthread --threads 8 --no-control-socket"


def with_threads(count: int) -> Command:
    line = re.sub(r"--blocking-threads \d+", f"--blocking-threads {count}", web_line())
    return lambda port, processes: line


CANDIDATES = [
    Candidate("ours", as_web(PRODUCT)),
    Candidate("ours 304", as_web(PRODUCT), poll.document, conditional=True),
    Candidate("ours last_sync_success", as_web(PRODUCT), poll.last_sync_success),
    Candidate("naive", as_web(f"{RIVALS}.naive"), poll.sync_status_as_bearer),
    Candidate("bare Django", as_web(f"{RIVALS}.bare_django")),
    Candidate("bare Django, memo", as_web(f"{RIVALS}.bare_django"), environment=MEMO),
    Candidate("bare WSGI", as_web(f"{RIVALS}.bare_wsgi")),
    Candidate("FastAPI", uvicorn(f"{RIVALS}.fast")),
    Candidate("FastAPI, memo", uvicorn(f"{RIVALS}.fast"), environment=MEMO),
]
SERVERS = [
    Candidate("granian, as shipped", as_web(PRODUCT)),
    Candidate("granian, 2 threads", with_threads(2)),
    Candidate("gunicorn, 8 threads", gunicorn),
]
