from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.utils import timezone

from crmsync.models import Connection, OAuthState
from crmsync.tests.stand_ins.hubspot import HubSpotStandIn

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hubspot(settings):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    settings.HUBSPOT_CLIENT_ID = "client"
    settings.HUBSPOT_CLIENT_SECRET = "client-s3cret"
    with HubSpotStandIn() as crm:
        settings.HUBSPOT_API_URL = crm.url
        yield crm


def authorize(api):
    answer = api.get("/connection/authorize?provider=hubspot")
    assert answer.status_code == 200
    url = urlsplit(answer.json()["authorize_url"])
    return url, {name: values[0] for name, values in parse_qs(url.query).items()}


def come_back(api, state, code="first-code", **headers):
    return api.get("/connection/callback", {"state": state, "code": code}, **headers)


def test_sends_the_person_to_the_crm(own_api, hubspot):
    url, asked = authorize(own_api)
    assert (url.netloc, url.path) == ("app.hubspot.com", "/oauth/authorize")
    assert asked["client_id"] == "client"
    assert asked["redirect_uri"] == "http://localhost:8000/connection/callback"
    assert "crm.objects.contacts.write" in asked["scope"]
    assert "client-s3cret" not in url.query


@pytest.mark.parametrize("provider", ["", "sandbox", "salesforce", "nope"])
def test_sends_nobody_where_no_sign_in_is_set_up(own_api, hubspot, provider):
    answer = own_api.get("/connection/authorize", {"provider": provider})
    assert answer.status_code == 400
    assert "provider" in answer.json()


def test_needs_a_token_to_begin(api, hubspot):
    assert api.get("/connection/authorize?provider=hubspot").status_code == 401


def test_connects_who_comes_back(own_api, api, user, hubspot):
    state = authorize(own_api)[1]["state"]
    answer = come_back(api, state)
    assert answer.status_code == 200
    assert answer.json() == own_api.get("/connection").json()
    assert answer.json()["account"] == "HubSpot 4711"
    kept = Connection.objects.get(user=user).credentials.open()
    assert kept["refresh_token"] == "refresh-1"


def test_shows_a_page_to_a_browser(own_api, api, hubspot):
    state = authorize(own_api)[1]["state"]
    page = come_back(api, state, HTTP_ACCEPT="text/html").content.decode()
    assert "HubSpot is connected" in page
    again = come_back(api, state, HTTP_ACCEPT="text/html")
    assert again.status_code == 400
    assert "used before" in again.content.decode()


def test_takes_each_state_once(own_api, api, hubspot):
    state = authorize(own_api)[1]["state"]
    come_back(api, state)
    hubspot.grants.add("second-code")
    again = come_back(api, state, "second-code")
    assert (again.status_code, list(again.json())) == (400, ["state"])
    assert "second-code" in hubspot.grants


def test_takes_no_state_that_is_old(own_api, api, hubspot):
    state = authorize(own_api)[1]["state"]
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        assert come_back(api, state).status_code == 400
    assert not Connection.objects.exists()


@pytest.mark.parametrize("state", ["", "x", "x:y:z"])
def test_takes_no_state_that_it_did_not_make(own_api, api, hubspot, state):
    authorize(own_api)
    assert come_back(api, state).status_code == 400
    assert OAuthState.objects.exists()


def test_connects_nobody_with_a_code_that_is_refused(own_api, api, hubspot):
    state = authorize(own_api)[1]["state"]
    answer = come_back(api, state, "another-code")
    assert (answer.status_code, list(answer.json())) == (400, ["code"])
    assert not Connection.objects.exists()


def test_connects_nobody_who_declined(own_api, api, hubspot):
    state = authorize(own_api)[1]["state"]
    answer = api.get("/connection/callback", {"state": state, "error": "access_denied"})
    assert answer.status_code == 400


def test_connects_nobody_who_is_inactive(own_api, api, user, hubspot):
    state = authorize(own_api)[1]["state"]
    user.is_active = False
    user.save()
    assert come_back(api, state).status_code == 400
