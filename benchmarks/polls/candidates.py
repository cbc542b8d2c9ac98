"""Who is measured: the command that starts the server, and what is asked of it."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.polls import poll
from benchmarks.polls.poll import Poll
from benchmarks.polls.rows import Polled
from benchmarks.services import PROCFILE

PRODUCT = "syncsite.asgi:application"
SERVERS = "benchmarks.polls.servers"
WSGI = "syncsite.wsgi:application"
GUNICORN = f"gunicorn {WSGI} --bind 127.0.0.1:$PORT --worker-class gthread --threads 8"
UVICORN = f"uvicorn {SERVERS}.fast:application --port $PORT --no-access-log --log-level warning"
PUMA = "puma --quiet --bind tcp://127.0.0.1:$PORT --threads 5:5 benchmarks/polls/servers/rails.ru"
DJANGO = "django.core.wsgi:get_wsgi_application"
NAIVE = {"DJANGO_SETTINGS_MODULE": f"{SERVERS}.naive_settings"}


@dataclass(frozen=True)
class Candidate:
    """`conditional` asks again with the ETag that it got, `misses` for what Redis does not hold."""

    command: str
    poll_of: Callable[[Polled], Poll] = poll.sync_status
    conditional: bool = False
    misses: bool = False
    connections: int = 8
    environment: Mapping[str, str] = field(default_factory=dict)


def as_wsgi(application: str) -> str:
    """The Procfile's server with a WSGI application and as many threads as the product has."""
    line = PROCFILE["web"].replace(PRODUCT, application)
    assert application in line, f"The Procfile's web line does not name {PRODUCT}."
    return line.replace("--interface asginl", "--interface wsgi --blocking-threads 4")


CANDIDATES = {
    "ours": Candidate(PROCFILE["web"]),
    "ours, 1 connection": Candidate(PROCFILE["web"], connections=1),
    "ours, 32 connections": Candidate(PROCFILE["web"], connections=32),
    "ours under WSGI": Candidate(as_wsgi(WSGI)),
    "ours, 304 of /sync": Candidate(PROCFILE["web"], poll.document, conditional=True),
    "ours, a miss": Candidate(PROCFILE["web"], misses=True),
    "ours on gunicorn": Candidate(GUNICORN),
    "naive DRF": Candidate(
        as_wsgi(f"{DJANGO} --factory"), poll.sync_status_as_bearer, environment=NAIVE
    ),
    "bare Django, our front": Candidate(
        PROCFILE["web"], environment={"DJANGO_SETTINGS_MODULE": f"{SERVERS}.bare_settings"}
    ),
    "bare Django": Candidate(as_wsgi(f"{SERVERS}.bare_django:application")),
    "bare WSGI": Candidate(as_wsgi(f"{SERVERS}.bare_wsgi:application")),
    "FastAPI": Candidate(UVICORN),
    "FastAPI, memo": Candidate(UVICORN, environment={"TOKEN_MEMO": "1"}),
}
if shutil.which("puma"):  # apt install ruby-rails puma ruby-jwt ruby-pg
    CANDIDATES["Rails"] = Candidate(PUMA)
