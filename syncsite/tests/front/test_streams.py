"""GET /syncs/stream, on the Procfile's server and on another one."""

import asyncio
import json
import os
import signal
import threading
import time
from contextlib import contextmanager
from queue import Empty, Queue

import httpx
import pytest
from django.conf import settings

from accounts.tokens import AccessToken
from crmsync.api.syncs import Followed
from crmsync.models import Connection, SyncRun
from crmsync.operations import connections, syncs
from crmsync.status import watch
from crmsync.status.delivery import Document
from syncsite.demo.processes import Processes
from syncsite.front import streams
from syncsite.front.threads import Answer
from syncsite.tests.front.test_servers import COMMANDS, answers, signed_in
from syncsite.tests.processes import database_url, free_port, wait_for
from syncsite.tests.settings import ENVIRONMENT

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("streams"),
    pytest.mark.slow,
]


def start(folder, command, **further):
    port = free_port()
    environment = {
        **ENVIRONMENT,
        "DATABASE_URL": database_url(),
        "PATH": os.environ["PATH"],
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB_CONCURRENCY": "1",
        **further,
    }
    running = Processes(settings.BASE_DIR, folder, environment)
    running.start("web", command)
    return running, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module", params=COMMANDS)
def server(request, tmp_path_factory, django_db_setup):
    running, url = start(tmp_path_factory.mktemp("streams"), COMMANDS[request.param])
    yield url
    running.stop()


@pytest.fixture
def web(server, user):
    with signed_in(server, user) as client:
        wait_for(lambda: answers(client))
        yield client


class Listener:
    """The events of one stream, read in a thread of its own."""

    def __init__(self, response):
        self.response = response
        self.events = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        name, data = "", ""
        try:
            for line in self.response.iter_lines():
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    data = line[6:]
                elif not line and name:
                    self.events.put((name, json.loads(data)))
                    name = ""
        except httpx.HTTPError:
            pass
        self.events.put(("end", None))

    def next(self, seconds=10):
        return self.events.get(timeout=seconds)

    def until(self, condition, seconds=10):
        """The events up to the first that fits."""
        seen, deadline = [], time.monotonic() + seconds
        while not seen or not condition(*seen[-1]):
            seen.append(self.next(max(0.01, deadline - time.monotonic())))
        return seen

    def is_quiet(self, seconds):
        try:
            self.next(seconds)
        except Empty:
            return True
        return False


@contextmanager
def follow(web, *known, **options):
    query = {"known": ",".join(known)}
    with web.stream("GET", "/syncs/stream", params=query, timeout=40, **options) as response:
        yield Listener(response) if response.status_code == 200 else response


def document(web, meeting):
    return web.get(f"/meetings/{meeting.pk}/sync").json()


def test_begins_with_what_differs(web, make_meeting, connection):
    first, second = make_meeting(), make_meeting()
    known = document(web, first)["revision"]
    with follow(web, f"{first.pk}:{known}", f"{second.pk}:", "999:abc") as stream:
        assert stream.next() == ("sync", document(web, second))
        assert stream.next() == ("gone", [999])
        assert stream.is_quiet(0.5)


def test_tells_each_change_within_a_second(web, meeting, connection):
    with follow(web, f"{meeting.pk}:") as stream:
        stream.next()
        time.sleep(1)  # The subscription stands by then; before, the first look tells it.
        began = time.monotonic()
        syncs.request_sync(meeting, by=None)
        name, told = stream.next()
        assert time.monotonic() - began < 1
        assert (name, told["state"]) == ("sync", "queued")
        assert told == document(web, meeting)
        syncs.cancel(meeting.pk)
        assert stream.next()[1]["state"] == "canceled"


def test_tells_what_changed_between_the_reading_and_the_subscription(web, meeting, connection):
    with follow(web, f"{meeting.pk}:") as stream:
        syncs.request_sync(meeting, by=None)
        stream.until(lambda name, told: name == "sync" and told["state"] == "queued")


def test_tells_of_the_connection_and_of_a_deletion(web, meeting, connection):
    with follow(web, f"{meeting.pk}:") as stream:
        assert stream.next()[1]["state"] == "never_synced"
        connections.disconnect(Connection.objects.get())
        assert stream.next()[1]["state"] == "not_connected"
        assert web.delete(f"/meetings/{meeting.pk}").status_code == 204
        assert stream.next() == ("gone", [meeting.pk])


def test_tells_what_changes_by_itself(web, meeting, connection):
    """Nobody takes the sync, so after a while its document says so."""
    run, _ = syncs.request_sync(meeting, by=None)
    soon = run.ready_since - SyncRun.UNATTENDED_AFTER + (SyncRun.UNATTENDED_AFTER / 15)
    SyncRun.objects.update(ready_since=soon, due_at=soon)
    with follow(web, f"{meeting.pk}:") as stream:
        assert stream.next()[1]["state"] == "queued"
        assert stream.next()[1]["reason"] == "no_worker"


def test_says_good_bye_when_the_password_changes(web, user, meeting):
    with follow(web, f"{meeting.pk}:") as stream:
        stream.next()
        user.set_password("another-secret")
        user.save()
        assert stream.until(lambda name, _: name == "bye")[-1] == ("bye", {})
        assert stream.next() == ("end", None)


def test_says_good_bye_when_the_token_ends(web, user, meeting):
    token = AccessToken.for_user(user)
    token["exp"] = int(time.time()) + 2
    with follow(web, f"{meeting.pk}:", headers={"Authorization": str(token)}) as stream:
        assert stream.until(lambda name, _: name == "bye")


@pytest.mark.parametrize("headers", [{"Authorization": "wrong"}, {"Authorization": ""}])
def test_is_for_those_who_are_signed_in(web, headers):
    with follow(web, "1:", headers=headers) as refused:
        assert (refused.status_code, refused.read() != b"") == (401, True)
        assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_refuses_what_names_no_meetings(web):
    with follow(web, "x") as refused:
        assert refused.status_code == 400
        assert json.loads(refused.read())["errors"][0]["path"] == "known"
    answer = web.get("/syncs/stream", params={"colour": "blue"})
    assert answer.json()["errors"][0]["path"] == "colour"


def test_is_for_ten_pages_of_a_person(web, meeting, stranger, server):
    opened = [follow(web, f"{meeting.pk}:") for _ in range(11)]
    streams_ = [one.__enter__() for one in opened]
    assert [getattr(one, "status_code", 200) for one in streams_] == [200] * 10 + [503]
    with signed_in(server, stranger) as other, follow(other, "1:") as stream:
        assert stream.next() == ("gone", [1])
    for one in opened:
        one.__exit__(None, None, None)
    wait_for(lambda: web.get("/syncs/stream", params={"known": "x"}).status_code == 400)


def test_is_not_to_be_kept_or_held_up_by_proxies(web, meeting):
    with web.stream("GET", "/syncs/stream", params={"known": f"{meeting.pk}:"}) as response:
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "X-Request-ID" in response.headers
        assert "Content-Length" not in response.headers


def test_keeps_a_quiet_line_alive(web):
    assert streams.KEEP_ALIVE_SECONDS == 15
    with web.stream("GET", "/syncs/stream", params={"known": ""}, timeout=20) as response:
        assert next(response.iter_lines()) == ": still here"


def test_keeps_a_line_alive_while_there_is_no_answer(monkeypatch):
    monkeypatch.setattr(streams, "KEEP_ALIVE_SECONDS", 0.05)
    monkeypatch.setattr(streams, "RETRY_SECONDS", 0.02)

    async def away(environ):
        return Answer(503, [], b""), None

    monkeypatch.setattr(streams, "_ask", away)
    made = Document("{}", "", "abc", 2, (1, 1))
    stream = streams.Stream({"QUERY_STRING": ""}, Followed(1, 2**40, "", "", {7: made}), [])
    sent = []

    async def send(message):
        sent.append(message.get("body"))
        if sent.count(b": still here\n\n") == 2:
            stream.stop()

    asyncio.run(stream.run(Answer(200, [], b""), send))
    assert sent[-1] == b"event: bye\ndata: {}\n\n"
    assert stream.dirty == {7}


def test_understands_an_escaped_name(web, meeting, connection):
    with web.stream("GET", f"/syncs/stream?%6bnown={meeting.pk}:", timeout=40) as response:
        stream = Listener(response)
        stream.next()
        syncs.request_sync(meeting, by=None)
        stream.until(lambda name, told: name == "sync" and told["state"] == "queued")


def test_tells_the_language_of_the_person(web, meeting):
    with follow(web, f"{meeting.pk}:") as stream:
        english = stream.next()[1]["headline"]
        web.patch("/me", json={"language": "de"})
        assert stream.next()[1]["headline"] != english


def test_tells_the_language_even_if_the_message_was_lost():
    made = Document("{}", "", "abc", 2, (1, 1))
    stream = streams.Stream({}, Followed(1, 2**40, "key", "", {7: made}), [])
    for language, dirty in (("en", set()), ("en", set()), ("de", {7})):
        stream.seen, stream.dirty = {7: ("abc", 1, 1, 0.0)}, set()
        terms = {1: (language, "UTC")}
        stream.compare(watch.Rows({7: 1}, {1: 1}, {1: "key"}, terms, ended=set()))
        assert stream.dirty == dirty


def test_cannot_be_asked_for_without_its_body(web):
    assert web.head("/syncs/stream").status_code == 405


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_when_the_process_is_told_to_stop(tmp_path, user, meeting, name, number):
    running, url = start(tmp_path, COMMANDS[name])
    with signed_in(url, user) as web:
        wait_for(lambda: answers(web))
        with follow(web, f"{meeting.pk}:") as stream:
            stream.next()
            began = time.monotonic()
            os.kill(running.running["web"].pid, number)
            assert stream.until(lambda name, _: name == "bye", 5)
        running.running["web"].wait(10)
        assert time.monotonic() - began < 5
    running.stop()


def test_is_refused_where_there_are_too_many(tmp_path, user, meeting):
    running, url = start(tmp_path, COMMANDS["granian"], STREAMS_PER_PROCESS="1")
    with signed_in(url, user) as web:
        wait_for(lambda: answers(web))
        with follow(web, f"{meeting.pk}:") as stream:
            stream.next()
            with follow(web, f"{meeting.pk}:") as refused:
                assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    running.stop()
