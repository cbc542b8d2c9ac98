"""The reference page while something is wrong."""

import re
import time
from datetime import datetime

import pytest

from crmsync.operations import connections, syncs
from meetings.models import Meeting
from syncsite.tests.browser.chromium import (
    COMMANDS,
    NEEDS_CHROMIUM,
    SHIFTS,
    expect,
    headline,
    opened,
    sign_in,
)
from syncsite.tests.processes import wait_for

pytestmark = NEEDS_CHROMIUM
ZONE = "Europe/Berlin"


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


def test_goes_on_after_the_server_was_killed(page, service, user, meeting):
    running, _ = service
    connections.connect(user, "sandbox", {})
    sign_in(page, user)
    expect(headline(page, "Not in Sandbox yet")).to_be_visible()
    page.get_by_role("button", name="Details").click()
    running.running["web"].kill()
    running.running["web"].wait()
    expect(page.get_by_text("No connection. This is what we knew at")).to_be_visible()
    page.get_by_role("button", name="Sync to Sandbox").click()
    expect(page.locator("#said")).to_contain_text("No connection")
    running.start("web", COMMANDS["web"])
    expect(page.locator("#note")).to_be_hidden(timeout=40_000)
    page.get_by_role("button", name="Sync to Sandbox").click()
    expect(headline(page, "Saved in Sandbox")).to_be_visible(timeout=30_000)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_counts_down_by_the_clock_of_the_service(browser, url, user, make_meeting, minutes):
    connections.connect(user, "sandbox", {})
    syncs.request_sync(make_meeting("unavailable.x1@sandbox.invalid"), by=user)
    with opened(browser, url) as page:
        page.clock.install(time=time.time() + minutes * 60)
        page.goto(f"{url}/app")
        sign_in(page, user)
        count = page.locator("#count")
        expect(count).to_have_text(re.compile(r"^in \d{1,2}s$"), timeout=30_000)
        page.get_by_role("button", name="Try again now").click()
        expect(headline(page, "Saved in Sandbox")).to_be_visible(timeout=30_000)


def test_shows_the_same_in_two_tabs(page, user, meeting):
    connections.connect(user, "sandbox", {})
    sign_in(page, user)
    other = page.context.new_page()
    other.goto(page.url)
    sign_in(other, user)
    other.get_by_role("button", name="Sync to Sandbox").click()
    for tab in (page, other):
        expect(headline(tab, "Saved in Sandbox")).to_be_visible(timeout=30_000)


def test_overwrites_nobody_unasked(page, user, meeting, connection):
    sign_in(page, user)
    page.get_by_role("link", name="Kick-off").click()
    page.get_by_label("Notes").fill("Mine.")
    meeting.notes = "Theirs."
    meeting.save()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").first).to_contain_text("changed this meeting meanwhile")
    assert Meeting.objects.get().notes == "Theirs."
    page.get_by_role("button", name="Save").click()
    wait_for(lambda: Meeting.objects.get().notes == "Mine.")


@pytest.mark.slow
def test_follows_fifty_rows_with_one_stream(page, user, make_meeting):
    connections.connect(user, "sandbox", {})
    for _ in range(50):
        make_meeting("ann@acme.example")
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    sign_in(page, user)
    expect(headline(page, "Not in Sandbox yet")).to_have_count(50)
    page.evaluate(SHIFTS)
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Sync 50 selected").click()
    expect(page.get_by_text("50 started")).to_be_visible()
    expect(headline(page, "Saved in Sandbox")).to_have_count(50, timeout=120_000)
    assert len([url for url in requests if "/sync" in url and "/static/" not in url]) == 2
    assert page.evaluate("shifts") == []


def test_takes_a_double_click_for_one(page, user, meeting):
    connections.connect(user, "sandbox", {})
    sign_in(page, user)
    page.get_by_role("button", name="Sync to Sandbox").dblclick(delay=60)
    expect(headline(page, "Saved in Sandbox")).to_be_visible(timeout=30_000)


def test_goes_back_to_no_older_news(page, user, meeting):
    connections.connect(user, "sandbox", {})
    sign_in(page, user)
    held = []
    page.route(f"**/meetings/{meeting.pk}/sync", lambda route: held.append((route, route.fetch())))
    page.get_by_role("button", name="Sync to Sandbox").click()
    expect(headline(page, "Saved in Sandbox")).to_be_visible(timeout=30_000)
    ((route, answer),) = held
    route.fulfill(response=answer)
    expect(page.get_by_role("button", name="Sync again")).to_be_enabled()
    expect(headline(page, "Saved in Sandbox")).to_be_visible()


def test_leaves_the_stream_to_a_tab_whose_session_goes_on(page, user, meeting):
    connections.connect(user, "sandbox", {})
    sign_in(page, user)
    expect(headline(page, "Not in Sandbox yet")).to_be_visible()
    other = page.context.new_page()
    other.goto(page.url)
    sign_in(other, user)
    page.evaluate(
        """() => fetch("/logout", { method: "POST", headers: { Authorization:
          JSON.parse(sessionStorage.getItem("syncsite.session")).token } })"""
    )
    expect(page.get_by_role("dialog")).to_contain_text("Your session has ended", timeout=30_000)
    other.get_by_role("button", name="Sync to Sandbox").click()
    expect(headline(other, "Saved in Sandbox")).to_be_visible(timeout=30_000)


def test_edits_in_place_what_was_typed(page, user, make_meeting):
    connections.connect(user, "sandbox", {})
    meeting = make_meeting("rejected@sandbox.invalid")
    syncs.request_sync(meeting, by=user)
    sign_in(page, user)
    page.get_by_role("link", name="Kick-off").click()
    page.get_by_label("Notes").fill("Typed before.")
    page.get_by_role("button", name="Edit").click(timeout=30_000)
    expect(page.get_by_label("E-mail address")).to_be_focused()
    expect(page.get_by_label("Notes")).to_have_value("Typed before.")


def test_makes_one_meeting_though_an_answer_is_lost(page, user, connection):
    sign_in(page, user)
    page.get_by_role("link", name="New meeting").click()
    page.get_by_label("Title").fill("Once")

    def lose(route):
        route.fetch()
        route.abort()

    page.route("**/meetings", lose, times=1)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").first).to_contain_text("cannot be reached")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Once")).to_be_visible()
    assert Meeting.objects.count() == 1


def test_moves_nobody_who_has_gone_on(page, user, connection):
    sign_in(page, user)
    page.get_by_role("link", name="New meeting").click()
    page.get_by_label("Title").fill("Slow")
    held = []
    page.route("**/meetings", lambda route: held.append(route), times=1)
    with page.expect_request("**/meetings"):
        page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="CRM").click()
    expect(page.get_by_role("heading", name="Connected to Sandbox")).to_be_visible()
    with page.expect_response("**/meetings"):
        held[0].continue_()
    expect(page.get_by_role("heading", name="Connected to Sandbox")).to_be_visible()


def test_tells_why_nothing_was_started(page, user, meeting, connection):
    sign_in(page, user)
    page.get_by_label("Select all on this page").check()
    page.route("**/syncs", lambda route: route.abort())
    page.get_by_role("button", name="Sync 1 selected").click()
    expect(page.get_by_role("status").get_by_text("cannot be reached")).to_be_visible()


def test_leaves_times_that_nobody_touched(browser, url, user, make_meeting):
    """The clocks of Berlin show half past two twice on that day."""
    times = {"starts_at": "2026-10-25T00:30:45Z", "ends_at": "2026-10-25T01:15:00Z"}
    meeting = make_meeting(**{name: datetime.fromisoformat(at) for name, at in times.items()})
    with opened(browser, url) as page:
        page.goto(f"{url}/app")
        sign_in(page, user)
        page.get_by_role("link", name="Kick-off").click()
        page.get_by_label("Notes").fill("Changed.")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").get_by_text("Saved", exact=True)).to_be_visible()
        later, earlier = (
            page.evaluate(
                "async ([local, zone]) => (await import('/static/app/times.js'))"
                ".toUtc(local, zone)",
                given,
            )
            for given in (["2026-03-08T02:30", "America/New_York"], ["2026-10-25T02:30", ZONE])
        )
    meeting.refresh_from_db()
    assert (meeting.notes, meeting.starts_at.second) == ("Changed.", 45)
    assert (later, earlier) == ("2026-03-08T07:30:00.000Z", "2026-10-25T00:30:00.000Z")
