"""The page that asks a browser without a frontend to confirm."""

from urllib.parse import urlencode

import pytest

from conftest import PASSWORD
from crmsync.models import Connection, OAuthState
from crmsync.tests.operations.sign_ins import authorize, come_back

pytestmark = pytest.mark.django_db(transaction=True)


def test_tells_a_browser_that_a_sign_in_has_ended(own_api, api, hubspot):
    state = authorize(own_api, hubspot)["state"]
    come_back(api, state)
    page = api.get("/connection/callback", {"state": state, "code": "c"}, HTTP_ACCEPT="text/html")
    assert page.status_code == 400
    assert "used before" in page.content.decode()


@pytest.fixture
def form(own_api, api, hubspot):
    """Sends the form of the page that asks to confirm."""
    state = authorize(own_api, hubspot)["state"]
    query = {"state": state, "code": "first-code"}
    page = api.get("/connection/callback", query, HTTP_ACCEPT="text/html").content.decode()
    assert "Connect HubSpot to the syncsite account ann@example.com?" in page
    code = OAuthState.objects.get().connection_code
    assert code in page

    def send(email, password=PASSWORD):
        values = {"email": email, "password": password, "connection_code": code}
        form_type = "application/x-www-form-urlencoded"
        body = urlencode(values)
        headers = {"content_type": form_type, "HTTP_ACCEPT": "text/html"}
        return api.post("/connection/callback", body, **headers)

    return send


def test_connects_who_confirms(form, user):
    page = form(user.email)
    assert page.status_code == 200
    assert "HubSpot is connected" in page.content.decode()
    assert Connection.objects.get().user == user


def test_connects_nobody_else_who_confirms(form, stranger):
    page = form(stranger.email)
    assert page.status_code == 400
    assert "Please start again" in page.content.decode()
    assert not Connection.objects.exists()


def test_asks_again_after_a_wrong_password(form, user):
    page = form(user.email, "wrong one")
    assert page.status_code == 400
    assert "No active account" in page.content.decode()
    assert form(user.email).status_code == 200


def test_limits_the_passwords_that_are_tried(form, user):
    statuses = [form(user.email, "wrong one").status_code for _ in range(11)]
    assert statuses == [400] * 10 + [429]
