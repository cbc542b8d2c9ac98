"""The reference page in Chromium, against the whole product."""

import re
from contextlib import contextmanager

import pytest
from django.conf import global_settings, settings
from django.core.management import call_command

from accounts.models import User
from conftest import PASSWORD
from crmsync.operations import connections, syncs
from meetings.models import Meeting
from syncsite.demo.processes import procfile
from syncsite.tests.browser.chromium import NEEDS_CHROMIUM
from syncsite.tests.front.test_servers import answers, signed_in
from syncsite.tests.front.test_streams import start
from syncsite.tests.processes import wait_for

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = NEEDS_CHROMIUM
COMMANDS = procfile(settings.BASE_DIR / "Procfile")
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => list.getEntries().forEach((one) => shifts.push(one.value)))
  .observe({ type: "layout-shift", buffered: false });
"""


@pytest.fixture
def user(user, settings):
    """With a password that the processes understand: tests hash more cheaply."""
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def url(tmp_path, user):
    running, address = start(tmp_path, COMMANDS["web"])
    for name in ("worker", "dispatcher"):
        running.start(name, COMMANDS[name])
    with signed_in(address, user) as web:
        wait_for(lambda: answers(web))
    yield address
    running.stop()


@contextmanager
def opened(browser, url, **options):
    """A page; whatever it asks of another host, and every error of its scripts, is a failure."""
    context = browser.new_context(**{"locale": "en-US", "timezone_id": "Europe/Berlin", **options})
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    foreign = re.compile(rf"^(?!{re.escape(url)}|data:)")
    context.route(foreign, lambda route: (problems.append(route.request.url), route.abort()))
    yield page
    context.close()
    assert problems == []


@pytest.fixture
def page(browser, url):
    with opened(browser, url) as page:
        page.goto(f"{url}/app")
        yield page


def expect(it):
    return playwright.expect(it)


def headline(page, text):
    return page.locator("#head", has_text=text)


def sign_in(page, user):
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Meetings")).to_be_visible()


def violations(page):
    found = axe.Axe().run(page).response["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]


def test_leads_a_newcomer_to_a_saved_meeting(page):
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("E-mail address").fill("new@example.com")
    page.get_by_label("New password").fill("abc")
    page.get_by_label("The same again").fill("abc")
    page.get_by_role("button", name="Create an account").click()
    expect(page.get_by_text("too short")).to_be_visible()
    for label in ("New password", "The same again"):
        page.get_by_label(label).fill(PASSWORD)
    page.get_by_role("button", name="Create an account").click()
    expect(page.get_by_text("No meetings yet")).to_be_visible()
    page.get_by_role("link", name="New meeting").click()
    page.get_by_label("Title").fill("Kick-off with Acme")
    page.get_by_label("E-mail address").fill("bob@acme.example")
    page.get_by_role("button", name="Save").click()
    expect(headline(page, "No CRM is connected")).to_be_visible()
    page.get_by_role("button", name="Connect CRM").click()
    page.get_by_text("Sandbox", exact=True).click()
    page.locator("details[open]").get_by_role("button", name="Connect").click()
    expect(page.get_by_role("heading", name="Connected to Sandbox")).to_be_visible()
    page.get_by_role("link", name="Meetings").click()
    page.get_by_role("button", name="Sync to Sandbox").click()
    expect(headline(page, "Saved in Sandbox")).to_be_visible(timeout=30_000)
    assert User.objects.get(email="new@example.com").time_zone == "Europe/Berlin"


def test_is_used_with_the_keyboard_alone(page, user, meeting):
    connections.connect(user, "sandbox", {})
    page.get_by_label("E-mail address").focus()
    page.keyboard.type(user.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(headline(page, "Not in Sandbox yet")).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        focused = "document.activeElement.shadowRoot?.activeElement?.textContent"
        if page.evaluate(focused) == "Sync to Sandbox":
            break
    page.keyboard.press("Enter")
    expect(headline(page, "Saved in Sandbox")).to_be_visible(timeout=30_000)
    assert page.evaluate(focused) == "Sync again"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Everything you entered is there.")).to_be_visible()


def test_says_at_the_field_what_is_wrong_and_keeps_the_rest(page, user, connection):
    sign_in(page, user)
    page.get_by_role("link", name="New meeting").click()
    page.get_by_label("Notes").fill("They want an offer.")
    page.get_by_label("E-mail address").fill("bob@@x")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Title")).to_be_focused()
    wrong = page.get_by_label("E-mail address")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#f-attendee-0-email-error")).to_have_text("Enter a valid email address.")
    expect(page.get_by_label("Notes")).to_have_value("They want an offer.")


def test_leads_from_a_failed_sync_to_the_field_to_correct(page, user, make_meeting):
    connections.connect(user, "sandbox", {})
    syncs.request_sync(make_meeting("rejected@sandbox.invalid"), by=user)
    sign_in(page, user)
    expect(headline(page, "Not saved in Sandbox")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Sandbox said:")).to_be_visible()  # It is open by itself.
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("E-mail address")).to_be_focused()


def test_keeps_what_was_typed_when_the_session_ends(page, user, meeting, connection):
    sign_in(page, user)
    page.get_by_role("link", name="Kick-off").click()
    page.get_by_label("Notes").fill("Typed before the end.")
    user.set_password("another secret")
    user.save()
    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your session has ended")
    dialog.get_by_label("Password").fill("another secret")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_have_count(0)
    wait_for(lambda: Meeting.objects.get().notes == "Typed before the end.")


def test_syncs_what_is_selected(page, user, make_meeting):
    connections.connect(user, "sandbox", {})
    for _ in range(3):
        make_meeting("ann@acme.example")
    sign_in(page, user)
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Sync 3 selected").click()
    expect(page.get_by_text("3 started")).to_be_visible()
    expect(headline(page, "Saved in Sandbox")).to_have_count(3, timeout=40_000)
    page.reload()
    page.get_by_role("link", name=re.compile("^Saved")).click()
    expect(page.locator("sync-button")).to_have_count(3)


def test_goes_on_after_the_network_was_away(page, user, meeting):
    connections.connect(user, "sandbox", {})
    sign_in(page, user)
    expect(headline(page, "Not in Sandbox yet")).to_be_visible()
    page.get_by_role("button", name="Details").click()
    page.context.set_offline(True)
    expect(page.get_by_text("No connection. This is what we knew at")).to_be_visible()
    page.context.set_offline(False)
    syncs.request_sync(meeting, by=user)
    expect(headline(page, "Saved in Sandbox")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("No connection")).to_be_hidden()


def test_moves_nothing_while_a_sync_goes_on(page, user, make_meeting):
    connections.connect(user, "sandbox", {})
    for _ in range(5):
        make_meeting("ann@acme.example")
    sign_in(page, user)
    expect(headline(page, "Not in Sandbox yet")).to_have_count(5)
    page.evaluate(SHIFTS)
    for meeting in Meeting.objects.all():
        syncs.request_sync(meeting, by=user)
    expect(headline(page, "Saved in Sandbox")).to_have_count(5, timeout=40_000)
    assert sum(page.evaluate("shifts")) == 0


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shows_every_state_to_everybody(browser, url, language, scheme):
    call_command("seed", states=True, password=PASSWORD, verbosity=0)
    with opened(browser, url, color_scheme=scheme, viewport={"width": 390, "height": 800}) as page:
        page.goto(f"{url}/app/states?language={language}")
        buttons = page.locator("sync-button")
        assert buttons.count() > 40
        for sample in page.locator("section.sample").all():
            headline = sample.locator("sync-button").first.locator("#head")
            expect(headline).not_to_be_empty()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_is_for_everybody(browser, url, user, meeting, scheme):
    connections.connect(user, "sandbox", {})
    with opened(browser, url, color_scheme=scheme) as page:
        for place in ("", "#/sign-up", "#/forgot"):
            page.goto(f"{url}/app{place}")
            expect(page.get_by_label("E-mail address")).to_be_visible()
            assert violations(page) == [], place
        page.goto(f"{url}/app#/sign-in")
        sign_in(page, user)
        expect(headline(page, "Not in Sandbox yet")).to_be_visible()
        assert violations(page) == []
        for place in (f"#/meetings/{meeting.pk}", "#/meetings/new", "#/crm"):
            page.goto(f"{url}/app{place}")
            expect(page.locator("form").first).to_be_visible()
            assert violations(page) == [], place


def test_resets_a_password(page, user):
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_text("they get an e-mail in a moment")).to_be_visible()


def test_signs_nobody_in_by_a_link_on_a_service_for_others(browser, url, user, monkeypatch):
    with opened(browser, url) as page:
        page.goto(f"{url}/app")
        page.evaluate("delete document.documentElement.dataset.demo")
        page.goto(f"{url}/app#auth_token=x.e30.x&expires_at=2099-01-01&email=a@example.com")
        expect(page.get_by_label("Password", exact=True)).to_be_visible()
