"""The reference page for everybody: keyboard, screen reader, narrow, dark, calm."""

import pytest
from django.core.management import call_command

from conftest import PASSWORD
from crmsync.operations import connections, syncs
from meetings.models import Meeting
from syncsite.tests.browser.chromium import (
    NEEDS_CHROMIUM,
    SHIFTS,
    expect,
    headline,
    opened,
    sign_in,
    violations,
)

pytestmark = NEEDS_CHROMIUM


FOCUSED = """() => {
  let one = document.activeElement;
  while (one.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  return one.labels?.[0]?.textContent || one.ariaLabel || one.textContent;
}"""


def tab_to(page, text):
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED).strip().startswith(text):
            return
    raise AssertionError(f"Tab never came to {text}.")


def write(page, **texts):
    for label, text in texts.items():
        tab_to(page, label.replace("_", " "))
        page.keyboard.type(text)


def press(page, text):
    tab_to(page, text)
    page.keyboard.press("Enter")


def test_is_used_with_the_keyboard_alone(page):
    press(page, "Create an account")
    expect(page.get_by_label("The same again")).to_be_visible()
    write(page, E="new@example.com", New_password=PASSWORD, The_same_again=PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("No meetings yet")).to_be_visible()
    press(page, "CRM")
    expect(page.get_by_text("Sandbox", exact=True)).to_be_visible()
    press(page, "Sandbox")
    press(page, "Connect")
    expect(page.get_by_role("heading", name="Connected to Sandbox")).to_be_visible()
    press(page, "Meetings")
    expect(page.get_by_text("No meetings yet")).to_be_visible()
    press(page, "New meeting")
    expect(page.get_by_label("Title")).to_be_visible()
    write(page, Title="Kick-off", E="bob@acme.example")
    page.keyboard.press("Enter")
    expect(headline(page, "Not in Sandbox yet")).to_be_visible()
    press(page, "Sync to Sandbox")
    expect(headline(page, "Saved in Sandbox")).to_be_visible(timeout=30_000)
    assert page.evaluate(FOCUSED) == "Sync again"  # The focus has survived every redraw.


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
    assert page.evaluate("shifts") == []


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


def test_keeps_its_shapes_in_forced_colours_and_from_right_to_left(browser, url):
    call_command("seed", states=True, password=PASSWORD, verbosity=0)
    look = {"forced_colors": "active", "viewport": {"width": 390, "height": 800}}
    with opened(browser, url, **look) as page:
        page.goto(f"{url}/app/states")
        expect(page.locator("sync-button").first).to_be_visible()
        bar = page.locator("#syncing sync-button").first.locator("#bar i").first
        assert bar.evaluate("(one) => getComputedStyle(one).borderTopWidth") == "1px"
        page.evaluate("document.documentElement.dir = 'rtl'")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        icon, head = (
            page.locator(f"sync-button #{one}").first.bounding_box() for one in ("icon", "head")
        )
        assert icon["x"] > head["x"]


def test_stands_still_for_those_who_ask_for_it(browser, url, user, make_meeting):
    connections.connect(user, "sandbox", {})
    make_meeting("slow@sandbox.invalid")
    with opened(browser, url, reduced_motion="reduce") as page:
        page.goto(f"{url}/app")
        sign_in(page, user)
        page.get_by_role("button", name="Sync to Sandbox").click()
        expect(headline(page, "Saving the")).to_be_visible(timeout=30_000)
        bars = page.locator("#bar b").all()
        assert {one.evaluate("(one) => one.style.transition") for one in bars} == {"none"}
