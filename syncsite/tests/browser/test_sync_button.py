"""The button on a page of another origin, as docs/frontend.md shows it."""

import re
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings

from accounts.tokens import AccessToken
from crmsync.operations import connections, syncs
from syncsite.tests.browser.chromium import NEEDS_CHROMIUM

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = NEEDS_CHROMIUM
DOCUMENT = Path(settings.BASE_DIR) / "docs" / "frontend.md"
EXAMPLE = re.search(r"```html\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[1]


@pytest.fixture
def elsewhere():
    """A server of pages; the test says of what."""
    pages = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(pages.get(self.path, "").encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=partial(server.serve_forever, 0.05)).start()
        yield f"http://127.0.0.1:{server.server_port}", pages
        server.shutdown()


@pytest.fixture
def environment(elsewhere):
    return {"FRONTEND_ORIGINS": elsewhere[0]}


@pytest.fixture
def page(browser, elsewhere, url, user, meeting):
    """The page of the document."""
    site, pages = elsewhere
    text = EXAMPLE.replace("http://localhost:8000", url)
    pages["/"] = text.replace('meeting="11"', f'meeting="{meeting.pk}"')
    context = browser.new_context(locale="en-US")
    context.add_init_script(f"sessionStorage.token = '{AccessToken.for_user(user)}'")
    page = context.new_page()
    page.goto(f"{site}/")
    yield page
    context.close()


def headline(page, text):
    playwright.expect(page.locator("#head")).to_have_text(text, timeout=30_000)


def test_syncs_a_meeting_from_elsewhere(page, user):
    headline(page, "No CRM is connected")
    connections.connect(user, "sandbox", {})
    headline(page, "Not in Sandbox yet")
    page.get_by_role("button", name="Sync to Sandbox").click()
    headline(page, "Saved in Sandbox")


def test_leaves_it_to_the_page_to_connect(page, elsewhere):
    headline(page, "No CRM is connected")
    page.get_by_role("button", name="Connect CRM").click()
    page.wait_for_url(f"{elsewhere[0]}/connect-your-crm")


def test_speaks_of_what_the_person_did_and_of_nothing_else(page, user, meeting):
    connections.connect(user, "sandbox", {})
    headline(page, "Not in Sandbox yet")
    said = page.locator("#said")
    syncs.request_sync(meeting, by=user)
    headline(page, "Saved in Sandbox")
    playwright.expect(said).to_be_empty()
    page.get_by_role("button", name="Sync again").click()
    playwright.expect(said).to_have_text("Saved in Sandbox", timeout=30_000)


def test_says_that_the_meeting_is_gone(page, meeting):
    headline(page, "No CRM is connected")
    meeting.delete()
    headline(page, "This meeting is no longer here.")


def test_asks_for_another_token_and_goes_on(connection, page, user):
    headline(page, "Not in Sandbox yet")
    user.set_password("another secret")
    user.save()
    page.get_by_role("button", name="Details").click()
    playwright.expect(page.locator("#note")).to_contain_text("Your session has ended")


def test_sends_nothing_without_a_token(page):
    headline(page, "No CRM is connected")
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.evaluate("delete sessionStorage.token")
    page.evaluate(
        """async () => (await import(document.querySelector("script").textContent
          .match(/"(http.*?)"/)[1])).configure({ token: () => null })"""
    )
    button = page.locator("sync-button")
    button.evaluate("(one) => (one.sync.actions[0].name = 'sync', one.show(one.sync))")
    button.get_by_role("button").first.click()
    playwright.expect(page.locator("#note")).to_contain_text("Your session has ended")
    assert requests == []
