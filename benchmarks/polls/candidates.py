"""Who is measured: the command that starts the server, and what is asked of it."""

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
DJANGO = "django.core.wsgi:get_wsgi_application"
NAIVE = {"DJANGO_SETTINGS_MODULE": f"{SERVERS}.naive_settings"}


@dataclass(frozen=True)
class Candidate:
    """`conditional` asks again with the ETag that it got."""

    command: str
    poll_of: Callable[[Polled], Poll] = poll.sync_status
    conditional: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


def as_wsgi(application: str) -> str:
    """The Procfile's server with a WSGI application and as many threads as the product has."""
    line = PROCFILE["web"].replace(PRODUCT, application)
    assert application in line, f"The Procfile's web line does not name {PRODUCT}."
    return line.replace("--interface asginl", "--interface wsgi --blocking-threads 4")


CANDIDATES = {
    "ours": Candidate(PROCFILE["web"]),
    "ours under WSGI": Candidate(as_wsgi(WSGI)),
    "ours, 304 of /sync": Candidate(PROCFILE["web"], poll.document, conditional=True),
    "ours on gunicorn": Candidate(GUNICORN),
    "naive DRF": Candidate(
        as_wsgi(f"{DJANGO} --factory"), poll.sync_status_as_bearer, environment=NAIVE
    ),
    "bare Django": Candidate(as_wsgi(f"{SERVERS}.bare_django:application")),
    "bare WSGI": Candidate(as_wsgi(f"{SERVERS}.bare_wsgi:application")),
    "FastAPI": Candidate(UVICORN),
    "FastAPI, memo": Candidate(UVICORN, environment={"TOKEN_MEMO": "1"}),
}
