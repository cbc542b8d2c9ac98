"""frontend/follow.js, in Node, against the Procfile's web process."""

import gzip
import json
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from queue import Queue

import pytest
from django.conf import settings

from accounts.tokens import AccessToken
from crmsync.operations import syncs
from syncsite.tests.front.test_servers import COMMANDS, answers, signed_in
from syncsite.tests.front.test_streams import start
from syncsite.tests.processes import wait_for

NODE = shutil.which("node")
FOLLOW = Path(settings.BASE_DIR) / "frontend" / "follow.js"
BUTTON = FOLLOW.with_name("sync-button.js")
SCRIPT = Path(settings.BASE_DIR) / "syncsite" / "tests" / "follow.mjs"
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("follow"),
    pytest.mark.slow,
    pytest.mark.skipif(NODE is None, reason="needs node"),
]


class Page:
    """A script that follows meetings; what it is told comes in order."""

    def __init__(self, url, user, *meetings):
        asked = {
            "base": url,
            "token": str(AccessToken.for_user(user)),
            "meetings": [meeting.pk for meeting in meetings],
        }
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = [NODE, str(SCRIPT), json.dumps(asked)]
        self.process = subprocess.Popen(command, **pipes)  # noqa: S603
        self.told = Queue()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.process:
            self.process.kill()
            self.reader.join()

    def _read(self):
        for line in self.process.stdout:
            self.told.put(json.loads(line))

    def send(self, **asked):
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()

    def until(self, seconds=30, **wanted):
        """The first thing told that has these values; a sync is told by its state."""
        while True:
            told = self.told.get(timeout=seconds)
            flat = {**told, **({"sync": told["sync"]["state"]} if "sync" in told else {})}
            if wanted.items() <= flat.items():
                return told


@pytest.fixture
def serving(tmp_path, user):
    """Starts a web process; call it again to have it started anew on the same port."""
    running = []

    def serve(**variables):
        if not running:
            running.extend(start(tmp_path, COMMANDS["granian"], **variables))
        else:
            running[0].start("web", COMMANDS["granian"])
        with signed_in(running[1], user) as web:
            wait_for(lambda: answers(web))
        return running[1]

    serve.processes = lambda: running[0]
    yield serve
    running[0].stop()


def test_is_small():
    sizes = [len(gzip.compress(path.read_bytes())) for path in (FOLLOW, BUTTON)]
    assert sizes[0] <= 3000
    assert sum(sizes) <= 8 * 1024


def test_follows_by_a_stream(serving, user, make_meeting, connection):
    first, second = make_meeting(), make_meeting()
    with Page(serving(), user, first) as page:
        page.until(state="live")
        assert page.until(sync="never_synced")["sync"]["meeting_id"] == first.pk
        syncs.request_sync(first, by=None)
        page.until(sync="queued")
        page.send(set=[second.pk])
        assert page.until(sync="never_synced")["sync"]["meeting_id"] == second.pk
        pk = second.pk
        second.delete()
        page.until(gone=pk)


def test_comes_back_to_a_server_that_was_killed(serving, user, meeting, connection):
    with Page(serving(), user, meeting) as page:
        page.until(sync="never_synced")
        web = serving.processes().running["web"]
        web.send_signal(signal.SIGKILL)
        web.wait()
        page.until(state="offline")
        syncs.request_sync(meeting, by=None)
        serving()
        page.until(sync="queued")
        syncs.cancel(meeting.pk)
        page.until(sync="canceled")


def test_polls_where_no_stream_can_be_opened(serving, user, meeting, connection):
    with Page(serving(STREAMS_PER_PROCESS="0"), user, meeting) as page:
        page.until(sync="never_synced")
        page.until(state="polling")


def test_asks_for_a_token_when_its_own_has_ended(serving, user, meeting, connection):
    with Page(serving(), user, meeting) as page:
        page.until(sync="never_synced")
        user.set_password("another-secret")
        user.save()
        page.until(state="signed out")
        syncs.request_sync(meeting, by=None)
        page.send(token=str(AccessToken.for_user(user)))
        page.until(sync="queued")


def test_ends_when_it_is_told_to(serving, user, meeting):
    with Page(serving(), user, meeting) as page:
        page.until(state="live")
        page.send(stop=True)
        page.until(state="stopped")
