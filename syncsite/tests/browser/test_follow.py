"""frontend/follow.js in Chromium, from a page of another origin, against the web process."""

import signal
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings

from accounts.tokens import AccessToken
from crmsync.operations import syncs
from syncsite.tests.browser.chromium import NEEDS_CHROMIUM
from syncsite.tests.front.test_servers import COMMANDS, answers, signed_in
from syncsite.tests.front.test_streams import start
from syncsite.tests.processes import wait_for

playwright = pytest.importorskip("playwright.sync_api")
FILES = {
    "/follow.js": Path(settings.BASE_DIR) / "frontend" / "follow.js",
    "/": Path(__file__).with_name("page.html"),
}
pytestmark = NEEDS_CHROMIUM


class Handler(SimpleHTTPRequestHandler):
    def translate_path(self, path):
        return str(FILES.get(path, "/nothing"))

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site():
    """Where the page is."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=partial(server.serve_forever, 0.05)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Tabs:
    def __init__(self, context, site, api, user):
        self.context, self.site, self.api = context, site, api
        self.token = str(AccessToken.for_user(user))
        self.requests = []
        context.on("request", lambda request: self.requests.append(request.url))

    def open(self, *meetings):
        page = self.context.new_page()
        page.goto(self.site)
        pks = [meeting.pk for meeting in meetings]
        page.evaluate(
            "([base, token, pks]) => start(base, token, pks)", [self.api, self.token, pks]
        )
        return page

    def streams(self):
        return [url for url in self.requests if "/syncs/stream" in url]


@pytest.fixture
def processes(tmp_path, site):
    running, url = start(tmp_path, COMMANDS["granian"], CORS_ALLOWED_ORIGINS=site)
    yield running, url
    running.stop()


@pytest.fixture
def tabs(browser, site, processes, user):
    _, url = processes
    with signed_in(url, user) as web:
        wait_for(lambda: answers(web))
    context = browser.new_context()
    yield Tabs(context, site, url, user)
    context.close()


def shows(page, meeting, state):
    playwright.expect(page.locator(f"#m{meeting.pk}")).to_have_text(state, timeout=20_000)


def says(page, state):
    playwright.expect(page.locator("p")).to_have_text(state, timeout=20_000)


def test_shows_each_change(tabs, meeting, connection):
    page = tabs.open(meeting)
    shows(page, meeting, "never_synced")
    says(page, "live")
    syncs.request_sync(meeting, by=None)
    shows(page, meeting, "queued")
    assert len(tabs.streams()) == 1


def test_opens_one_stream_for_all_tabs(tabs, make_meeting, connection):
    first, second = make_meeting(), make_meeting()
    one, other = tabs.open(first), tabs.open(second)
    shows(one, first, "never_synced")
    shows(other, second, "never_synced")
    syncs.request_sync(second, by=None)
    shows(other, second, "queued")
    says(other, "live")
    assert tabs.streams()[-1].endswith(f",{second.pk}:")
    one.close()
    says(other, "live")
    syncs.cancel(second.pk)
    shows(other, second, "canceled")


def test_goes_on_after_the_network_was_away(tabs, meeting, connection):
    page = tabs.open(meeting)
    says(page, "live")
    tabs.context.set_offline(True)
    says(page, "offline")
    syncs.request_sync(meeting, by=None)
    tabs.context.set_offline(False)
    shows(page, meeting, "queued")
    says(page, "live")


def test_goes_on_after_the_server_was_killed(tabs, processes, meeting, connection):
    page = tabs.open(meeting)
    says(page, "live")
    running, _ = processes
    running.running["web"].send_signal(signal.SIGKILL)
    running.running["web"].wait()
    says(page, "offline")
    syncs.request_sync(meeting, by=None)
    running.start("web", COMMANDS["granian"])
    shows(page, meeting, "queued")


def test_reckons_with_the_clock_of_the_server(tabs, meeting, connection):
    page = tabs.context.new_page()
    page.clock.install(time=0)
    page.goto(tabs.site)
    page.evaluate(
        "([base, token, pks]) => start(base, token, pks)", [tabs.api, tabs.token, [meeting.pk]]
    )
    shows(page, meeting, "never_synced")
    assert page.evaluate("Date.now()") < 10**9
    assert page.evaluate("following.now()") > 1_700_000_000_000
