"""The support desk in a browser: it follows what happens, loses nothing, and is for everybody."""

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command

from accounts.models import User
from conftest import PASSWORD
from crmsync.models import Incident, SupportAction, SyncRun
from crmsync.operations import support_actions, syncs
from syncsite.tests.browser.chromium import NEEDS_CHROMIUM, expect, opened, violations
from syncsite.tests.processes import wait_for

pytestmark = NEEDS_CHROMIUM

LISTS = [
    "/admin/",
    *(
        f"/admin/crmsync/{name}/"
        for name in ("connection", "customer", "incident", "supportaction", "syncrun")
    ),
    "/admin/meetings/meeting/",
]


@pytest.fixture
def agent(user):
    """A member of staff with every right, whose password the processes understand."""
    return User.objects.create_superuser("desk@example.com", PASSWORD)


def log_in(page):
    page.get_by_label("E-mail address").fill("desk@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


@pytest.fixture
def desk(browser, url, agent):
    with opened(browser, url, locale="de-DE") as page:
        page.goto(f"{url}/admin/")
        log_in(page)
        yield page


@pytest.fixture
def failed(make_meeting, connection):
    run, _ = syncs.request_sync(make_meeting("rejected@sandbox.invalid"), by=None)
    return run


def wait_until_failed(run):
    wait_for(lambda: SyncRun.objects.get(pk=run.pk).status == SyncRun.Status.FAILED)


def pages_of(run):
    incident = Incident.objects.filter(connection=run.connection).first()
    done = SupportAction.objects.exclude(targets=[]).first()
    yield from LISTS
    yield f"/admin/crmsync/syncrun/{run.pk}/change/"
    yield f"/admin/crmsync/customer/{run.meeting.user_id}/change/"
    yield f"/admin/crmsync/connection/{run.connection_id}/change/"
    yield f"/admin/crmsync/incident/{incident.pk}/change/"
    yield f"/admin/crmsync/supportaction/{done.pk}/change/"
    yield f"/admin/crmsync/supportaction/of-cause/?error={run.error_code}"


@pytest.mark.parametrize("width", [320, 1280])
def test_is_accessible_and_scrolls_nowhere_sideways(desk, url, failed, agent, width):
    wait_until_failed(failed)
    failed.refresh_from_db()
    call_command("seed", meetings=3, states=True, password=PASSWORD, verbosity=0)
    support_actions.start("retry", [failed.meeting_id], agent, "because")
    desk.set_viewport_size({"width": width, "height": 800})
    problems = []
    for path in pages_of(failed):
        desk.goto(f"{url}{path}")
        assert desk.evaluate("document.documentElement.scrollWidth") <= width, path
        problems += [f"{path}: {found}" for found in violations(desk)]
    assert not problems, "\n".join(problems)


def test_speaks_one_language(desk, url, failed):
    wait_until_failed(failed)
    for path in pages_of_one(failed):
        desk.goto(f"{url}{path}")
        assert desk.evaluate("document.documentElement.lang") == "en"
        assert not desk.get_by_text("Abmelden").count()


def pages_of_one(run):
    return ["/admin/", f"/admin/crmsync/syncrun/{run.pk}/change/"]


def test_follows_what_happens_and_leaves_what_is_typed(desk, failed):
    wait_until_failed(failed)
    search = desk.get_by_label("Customer", exact=True)
    search.fill("an")
    expect(desk.get_by_role("link", name="Sandbox did not accept the data")).to_be_visible(
        timeout=20_000
    )
    expect(search).to_be_focused()
    expect(search).to_have_value("an")


def test_lists_follow_and_keep_what_is_selected(desk, url, failed):
    wait_until_failed(failed)
    desk.goto(f"{url}/admin/crmsync/syncrun/")
    row = desk.locator("#result_list tbody tr", has_text=failed.reference)
    row.get_by_role("checkbox").check()
    SyncRun.objects.filter(pk=failed.pk).update(status="canceled", error_code="")
    expect(row.get_by_text("canceled")).to_be_visible(timeout=20_000)
    expect(row.get_by_role("checkbox")).to_be_checked()


def test_a_case_follows_and_keeps_the_focus(desk, url, failed, agent):
    wait_until_failed(failed)
    desk.goto(f"{url}/admin/crmsync/syncrun/{failed.pk}/change/")
    copy = desk.get_by_role("button", name="Copy").first
    copy.focus()
    support_actions.start("requeue", [failed.meeting_id], agent, "because")
    expect(desk.get_by_text("This is an earlier sync")).to_be_visible(timeout=20_000)
    expect(copy).to_be_focused()
    copy.click()
    expect(desk.get_by_role("button", name="Copied")).to_be_visible()


def test_says_that_it_is_no_longer_live(desk, failed):
    wait_until_failed(failed)
    Session.objects.all().delete()
    desk.context.clear_cookies(name="sessionid")
    expect(desk.get_by_text("Not refreshed since")).to_be_visible(timeout=20_000)


def test_keeps_the_reason_when_the_session_ends(desk, url, failed):
    wait_until_failed(failed)
    desk.goto(f"{url}/admin/crmsync/syncrun/{failed.pk}/change/")
    desk.get_by_role("button", name="Re-queue where it failed").click()
    desk.get_by_label("Reason").fill("She has corrected the address.")
    Session.objects.all().delete()
    desk.context.clear_cookies(name="sessionid")
    desk.get_by_role("button", name="Re-queue 1 sync").click()
    log_in(desk)
    expect(desk.get_by_label("Reason")).to_have_value("She has corrected the address.")
    assert not SupportAction.objects.filter(kind="requeue").exists()
    desk.get_by_role("button", name="Re-queue 1 sync").click()
    expect(desk.get_by_text("She has corrected the address.").first).to_be_visible()
    assert SupportAction.objects.get(kind="requeue").reason == "She has corrected the address."


def test_stops_a_batch_half_way(desk, url, failed, agent):
    wait_until_failed(failed)
    done = support_actions.start("requeue", [failed.meeting_id] * 200, agent, "a mistake")
    desk.goto(f"{url}/admin/crmsync/supportaction/{done.pk}/change/")
    expect(desk.get_by_text("of 200 done", exact=False)).to_be_visible()
    wait_for(lambda: SupportAction.objects.get(pk=done.pk).position > 0)
    desk.get_by_role("button", name="Stop").click()
    expect(desk.get_by_text("Stopped by desk@example.com")).to_be_visible()
    assert SupportAction.objects.get(pk=done.pk).position < 200
