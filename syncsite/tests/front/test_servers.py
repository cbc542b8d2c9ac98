"""The front on servers that speak ASGI: the Procfile's, and another one."""

import json
import os
import signal
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from accounts.models import User
from accounts.tokens import AccessToken
from conftest import PASSWORD, in_threads
from crmsync.tests.stand_ins.server import Server
from meetings.models import Meeting
from syncsite.demo.processes import Processes, procfile
from syncsite.front.downloads import MAX_DOWNLOADS
from syncsite.front.threads import CRM_THREADS
from syncsite.tests.processes import database_url, free_port, wait_for
from syncsite.tests.settings import ENVIRONMENT

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("front"),  # Which share two web processes.
    pytest.mark.slow,
]

COMMANDS = {
    "granian": procfile(Path(settings.BASE_DIR) / "Procfile")["web"],
    "uvicorn": "uvicorn syncsite.asgi:application --host $HOST --port $PORT --log-level warning",
}


@pytest.fixture(scope="module", params=COMMANDS)
def server(request, tmp_path_factory, django_db_setup):
    """The process and its URL."""
    port = free_port()
    environment = {
        **ENVIRONMENT,
        "DATABASE_URL": database_url(),
        "PATH": os.environ["PATH"],
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "ALLOW_PRIVATE_CRM_HOSTS": "1",
        "THROTTLE_AUTHENTICATE_ADDRESS": "1000/min",
    }
    running = Processes(settings.BASE_DIR, tmp_path_factory.mktemp("front"), environment)
    running.start("web", COMMANDS[request.param])
    yield running.running["web"], f"http://127.0.0.1:{port}"
    running.stop()


@pytest.fixture
def web(server, user):
    """Signed in."""
    _, url = server
    with signed_in(url, user) as client:
        wait_for(lambda: answers(client))
        yield client


def signed_in(url, user):
    headers = {"Authorization": str(AccessToken.for_user(user))}
    return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30)


def answers(client):
    try:
        return client.get("/livez").status_code == 200
    except httpx.TransportError:
        return False


def connect(web):
    return socket.create_connection((web.base_url.host, web.base_url.port))


SILENT = {
    "head": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "body": b"POST /authenticate HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{",
}


@pytest.mark.parametrize("part", SILENT)
def test_serve_everybody_while_others_are_silent(web, meeting, part):
    with ExitStack() as silent:
        for _ in range(200):
            silent.enter_context(connect(web)).sendall(SILENT[part])
        for _ in range(10):
            poll = web.get(f"/meetings/{meeting.pk}/sync_status", timeout=5)
            assert poll.json() == {"in_progress_sync_status": None}
        moments = {"starts_at": "2026-09-01T14:00:00Z", "ends_at": "2026-09-01T15:00:00Z"}
        body = {"title": "Kick-off", **moments}
        assert web.post("/meetings", json=body, timeout=5).status_code == 201


@pytest.mark.parametrize("server", ["granian"], indirect=True)
def test_end_a_body_that_does_not_come(web):
    with connect(web) as silent:
        silent.sendall(SILENT["body"])
        silent.settimeout(15)
        answer = silent.makefile("rb").read().decode()  # To the end: the server closes.
    assert answer.startswith("HTTP/1.1 408")
    assert "x-request-id" in answer.lower()
    assert '"code": "body_timeout"' in answer


def test_read_a_body_without_content_length(web, meeting):
    parts = iter([b'{"title": ', b'"In two parts"}'])
    headers = {"Content-Type": "application/json"}
    answer = web.patch(f"/meetings/{meeting.pk}", content=parts, headers=headers)
    assert (answer.status_code, answer.json()["title"]) == (200, "In two parts")
    assert Meeting.objects.get().title == "In two parts"


def test_refuse_a_body_beyond_its_limit(web):
    large = json.dumps(["x" * 2_000_000]).encode()
    for content in (large, iter([large[:100], large[100:]])):
        headers = {"Content-Type": "application/json"}
        try:
            answer = web.post("/meetings", content=content, headers=headers)
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            continue  # The server closed before all was sent; its answer may be lost by that.
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert answer.headers["Connection"] == "close"
    assert httpx.get(web.base_url.join("/livez")).status_code == 200
    assert not Meeting.objects.exists()


@pytest.mark.parametrize("server", ["granian"], indirect=True)
def test_refuse_a_head_beyond_its_limit(web):
    answer = httpx.get(web.base_url.join("/livez"), headers={"X-Long": "x" * 100_000})
    assert answer.status_code == 431


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_answer_probes_whatever_host_they_name(web, path):
    assert web.get(path, headers={"Host": "10.0.0.7"}).status_code in {200, 503}
    assert web.get("/me", headers={"Host": "10.0.0.7"}).status_code == 400


@pytest.mark.parametrize("path", ["/%ff", "/meetings/%00", "/meetings%2f1", "/%E2%82%AC", "/a b"])
def test_answer_odd_paths_in_json(web, path):
    assert web.get(path).json()["code"] == "not_found"


def test_send_no_body_to_head(web):
    answer = web.head("/me")
    assert (answer.status_code, answer.content) == (200, b"")


def test_send_a_large_answer_whole(web):
    assert (
        b"swagger"
        in web.get("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js").content
    )


class SlowCrm(Server):
    """Answers nobody before it is told to."""

    def __init__(self):
        super().__init__()
        self.waiting = 0
        self.go_on = threading.Event()

    def respond(self, *_):
        self.waiting += 1
        self.go_on.wait(15)
        return 503, {}


def test_compress_long_answers(web, make_meeting):
    long, short = make_meeting(notes="Forty seats. " * 200), make_meeting()
    answers_ = [web.get(f"/meetings/{meeting.pk}") for meeting in (long, short)]
    assert [one.headers.get("Content-Encoding") for one in answers_] == ["gzip", None]
    assert answers_[0].json()["notes"] == long.notes


def test_send_what_is_made_while_it_is_read(web, user, make_meeting):
    """Ten megabytes, which neither wait in memory nor hold up anybody."""
    made = [make_meeting(notes="x" * 50_000).pk for _ in range(200)]
    with web.stream("GET", "/me/export") as response:
        parts = response.iter_bytes()
        first = next(parts)
        assert web.get(f"/meetings/{made[0]}/sync_status", timeout=5).status_code == 200
        told = json.loads(first + b"".join(parts))
    assert [one["id"] for one in told["meetings"]] == made


@pytest.mark.parametrize("server", ["granian"], indirect=True)
def test_make_a_few_long_answers_at_a_time(web, make_meeting):
    for _ in range(100):
        make_meeting(notes="x" * 100_000)
    with ExitStack() as unread:
        statuses = [
            unread.enter_context(web.stream("GET", "/me/export")).status_code
            for _ in range(MAX_DOWNLOADS + 1)
        ]
        assert statuses == [200] * MAX_DOWNLOADS + [503]
        assert web.get("/me").status_code == 200
    # Those who have left make room.
    wait_for(lambda: web.get("/me/export").status_code == 200)


def test_answer_polls_while_a_crm_is_slow(server, web, meeting):
    _, url = server
    body = {"provider": "bottlecrm"}

    def connect_crm(number):
        person = User.objects.create_user(f"person{number}@example.com", PASSWORD)
        credentials = {"url": crm.url, "token": "t0ken"}
        with signed_in(url, person) as client:
            return client.put("/connection", json={**body, "credentials": credentials})

    def poll():
        wait_for(lambda: crm.waiting == CRM_THREADS)
        started = time.monotonic()
        statuses = {web.get(f"/meetings/{meeting.pk}/sync_status").status_code for _ in range(20)}
        seconds = time.monotonic() - started
        wait_for(lambda: time.monotonic() > started + 1.5)  # Those without a place are refused.
        crm.go_on.set()
        return statuses, seconds

    with SlowCrm() as crm:
        calls = [lambda n=n: connect_crm(n) for n in range(CRM_THREADS + 4)]
        *refused, (statuses, seconds) = in_threads(*calls, poll)
    assert statuses == {200}
    assert seconds < 5
    by_status = [answer.status_code for answer in refused]
    assert (by_status.count(400), by_status.count(503)) == (CRM_THREADS, 4)
    assert all(a.headers["Retry-After"] for a in refused if a.status_code == 503)


@pytest.mark.parametrize("server", ["granian"], indirect=True)
@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the workers in /proc")
def test_drop_no_request_on_a_reload(server, web, meeting):
    process, _ = server
    path = f"/meetings/{meeting.pk}/sync_status"
    over = threading.Event()

    def poll():
        seen, unheard = set(), 0
        while not over.is_set():
            try:
                seen.add(web.get(path, headers={"Connection": "close"}).status_code)
            except httpx.RemoteProtocolError:  # Granian closes what has not sent anything yet.
                unheard += 1
        return seen, unheard

    def reload():
        before = children(process.pid)
        os.kill(process.pid, signal.SIGHUP)
        wait_for(lambda: (now := children(process.pid)) and not now & before)
        over.set()

    (seen, unheard), _ = in_threads(poll, reload)
    assert seen == {200}
    assert unheard <= 1


def children(pid):
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}
