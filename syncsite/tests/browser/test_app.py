"""The reference page in Chromium, against the whole product."""

import re
from urllib.parse import urlencode

import pytest

from accounts.models import User
from conftest import PASSWORD
from crmsync.operations import connections, syncs
from crmsync.tests.operations.sign_ins import query_of
from crmsync.tests.stand_ins.hubspot import HubSpotStandIn
from syncsite.tests.browser.chromium import NEEDS_CHROMIUM, expect, headline, opened, sign_in

pytestmark = NEEDS_CHROMIUM


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


def test_says_at_the_field_what_is_wrong_and_keeps_the_rest(page, user, connection):
    sign_in(page, user)
    page.get_by_role("link", name="New meeting").click()
    page.get_by_label("Notes").fill("They want an offer.")
    page.get_by_label("E-mail address").fill("bob@@x")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Title")).to_be_focused()
    wrong = page.get_by_label("E-mail address")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("Enter a valid email address.")).to_be_visible()
    expect(page.get_by_label("Notes")).to_have_value("They want an offer.")


def test_leads_from_a_failed_sync_to_the_field_to_correct(page, user, make_meeting):
    connections.connect(user, "sandbox", {})
    syncs.request_sync(make_meeting("rejected@sandbox.invalid"), by=user)
    sign_in(page, user)
    expect(headline(page, "Not saved in Sandbox")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Sandbox said:")).to_be_visible()  # It is open by itself.
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("E-mail address")).to_be_focused()


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


class TestSignInAtTheCrm:
    @pytest.fixture
    def hubspot(self):
        with HubSpotStandIn() as crm:
            yield crm

    @pytest.fixture
    def environment(self, hubspot):
        return {
            "HUBSPOT_API_URL": hubspot.url,
            "HUBSPOT_CLIENT_ID": "client",
            "HUBSPOT_CLIENT_SECRET": "client-s3cret",
            "ALLOW_PRIVATE_CRM_HOSTS": "1",
        }

    def come_back(self, page, hubspot, **answer):
        """What HubSpot's own page does."""

        def sign_in_there(route):
            asked = query_of(route.request.url)
            hubspot.challenge = asked["code_challenge"]
            query = urlencode({"state": asked["state"], **answer})
            route.fulfill(status=302, headers={"Location": f"{asked['redirect_uri']}?{query}"})

        page.context.route("https://app.hubspot.com/**", sign_in_there)
        page.goto(page.url.partition("#")[0] + "#/crm")
        page.get_by_text("HubSpot", exact=True).click()
        page.get_by_role("button", name="Sign in at HubSpot").click()

    def test_connects(self, page, user, hubspot):
        sign_in(page, user)
        self.come_back(page, hubspot, code="first-code")
        expect(page.get_by_role("heading", name="Connected to HubSpot")).to_be_visible()
        assert "code" not in page.url

    def test_tells_why_the_person_was_refused(self, page, user, hubspot):
        sign_in(page, user)
        self.come_back(page, hubspot, error="access_denied", error_description="No seat is left.")
        expect(page.get_by_role("alert").first).to_contain_text("No seat is left.")
        expect(page.get_by_role("heading", name="Connect your CRM")).to_be_visible()
