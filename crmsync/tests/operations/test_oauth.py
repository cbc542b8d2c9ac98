from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.utils import timezone

from conftest import PASSWORD, api_of
from crmsync.models import Connection, OAuthState
from crmsync.tests.operations.sign_ins import authorize, come_back, complete, park, query_of

pytestmark = pytest.mark.django_db(transaction=True)

FRONTEND = "https://app.acme.example"
PAGE = f"{FRONTEND}/settings?tab=crm#top"


@pytest.fixture(autouse=True)
def frontend(settings):
    settings.FRONTEND_ORIGINS = [FRONTEND, "http://localhost:5173"]


def test_sends_the_person_to_the_crm(own_api, hubspot):
    answer = own_api.get("/connection/authorize?provider=hubspot").json()
    url, asked = urlsplit(answer["authorize_url"]), query_of(answer["authorize_url"])
    assert (url.netloc, url.path) == ("app.hubspot.com", "/oauth/authorize")
    assert asked["client_id"] == "client"
    assert asked["redirect_uri"] == "http://localhost:8000/connection/callback"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "oauth crm.objects.contacts.read crm.objects.contacts.write"
    assert "crm.objects.owners.read" in asked["optional_scope"]
    assert "client-s3cret" not in url.query


@pytest.mark.parametrize("provider", ["", "sandbox", "salesforce", "nope"])
def test_sends_nobody_where_no_sign_in_is_set_up(own_api, hubspot, provider):
    answer = own_api.get("/connection/authorize", {"provider": provider})
    assert answer.status_code == 400
    assert "provider" in answer.json()


def test_needs_a_token_to_begin_and_to_complete(api, hubspot):
    assert api.get("/connection/authorize?provider=hubspot").status_code == 401
    assert complete(api, "x").status_code == 401


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "https://app.acme.example.evil.example/",
        "https://app.acme.example@evil.example/",
        "https://evil.example\\@app.acme.example/",
        "https://app.acme.example:8443/",
        "http://app.acme.example/",
        "//app.acme.example/",
        "/settings",
        "javascript:alert(1)",
    ],
)
def test_returns_to_no_page_but_the_frontends(own_api, hubspot, address):
    query = {"provider": "hubspot", "return_to": address}
    answer = own_api.get("/connection/authorize", query)
    assert (answer.status_code, next(iter(answer.json()))) == (400, "return_to")


def test_returns_to_the_page_of_this_service(own_api, api, hubspot, settings):
    settings.PUBLIC_URL = "https://api.acme.example"
    state = authorize(own_api, hubspot, return_to="https://api.acme.example/app")["state"]
    assert come_back(api, state)["Location"].startswith("https://api.acme.example/app?connection")


@pytest.mark.parametrize("accepted", ["application/json", "text/html", "*/*"])
def test_sends_the_browser_back_to_the_frontend(own_api, api, hubspot, accepted):
    state = authorize(own_api, hubspot, return_to=PAGE)["state"]
    api.credentials(HTTP_ACCEPT=accepted)
    answer = come_back(api, state)
    assert answer.status_code == 302
    page = urlsplit(answer["Location"])
    assert f"{page.scheme}://{page.netloc}{page.path}#{page.fragment}" == f"{FRONTEND}/settings#top"
    query = query_of(answer["Location"])
    assert (query.pop("tab"), list(query)) == ("crm", ["connection_code"])
    assert complete(own_api, query["connection_code"]).json()["account"] == "HubSpot 4711"


def test_connects_nothing_before_the_person_completes(own_api, api, user, hubspot):
    code = park(own_api, api, hubspot)
    assert not Connection.objects.exists()
    assert "first-code" in hubspot.grants
    assert complete(own_api, code).json() == own_api.get("/connection").json()
    kept = Connection.objects.get(user=user).credentials.open()
    assert kept["refresh_token"] == "refresh-1"


def test_lets_nobody_complete_but_who_began(own_api, api, stranger, hubspot):
    code = park(own_api, api, hubspot)
    refused = complete(api_of(stranger), code)
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "code")
    assert not Connection.objects.exists()
    assert complete(own_api, code).status_code == 200


def test_takes_each_connection_code_once(own_api, api, hubspot):
    code = park(own_api, api, hubspot)
    assert complete(own_api, code).status_code == 200
    assert complete(own_api, code).status_code == 400


def test_takes_no_connection_code_after_two_minutes(own_api, api, hubspot):
    code = park(own_api, api, hubspot)
    with time_machine.travel(timezone.now() + timedelta(minutes=2, seconds=1), tick=False):
        assert complete(own_api, code).status_code == 400
    assert not Connection.objects.exists()


def test_completes_no_code_that_another_sign_in_got(own_api, api, hubspot):
    code = park(own_api, api, hubspot)
    hubspot.challenge = "of another sign-in"
    assert complete(own_api, code).status_code == 400
    assert not Connection.objects.exists()


def test_answers_whatever_format_the_query_names(own_api, api, hubspot):
    state = authorize(own_api, hubspot)["state"]
    assert come_back(api, state, format="nope").status_code == 200


def test_takes_each_state_once(own_api, api, hubspot):
    state = authorize(own_api, hubspot)["state"]
    assert come_back(api, state).status_code == 200
    again = come_back(api, state, code="second-code")
    assert (again.status_code, next(iter(again.json()))) == (400, "state")


def test_takes_no_state_that_is_old(own_api, api, hubspot):
    state = authorize(own_api, hubspot)["state"]
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        assert come_back(api, state).status_code == 400


@pytest.mark.parametrize("state", ["", "x", "x:y:z"])
def test_takes_no_state_that_it_did_not_make(own_api, api, hubspot, state):
    authorize(own_api, hubspot)
    assert come_back(api, state).status_code == 400
    assert OAuthState.objects.filter(parked_at=None).exists()


@pytest.mark.parametrize("parked", [False, True], ids=["begun", "parked"])
def test_ends_with_a_new_password(own_api, api, user, hubspot, parked):
    state = authorize(own_api, hubspot)["state"]
    code = come_back(api, state).json()["connection_code"] if parked else None
    passwords = {"password": "another one", "password_confirmation": "another one"}
    answer = own_api.post("/me/password", {"current_password": PASSWORD, **passwords})
    api.credentials(HTTP_AUTHORIZATION=answer.json()["auth_token"])
    assert (complete(api, code) if parked else come_back(api, state)).status_code == 400
    assert not Connection.objects.exists()


def test_tells_why_the_crm_refused_in_its_own_words(own_api, api, hubspot):
    state = authorize(own_api, hubspot)["state"]
    refusal = {"error": "access_denied", "error_description": "You\nneed  super admin rights."}
    answer = come_back(api, state, code="", **refusal)
    assert answer.status_code == 400
    assert answer.json() == {
        "detail": "HubSpot refused the sign-in. You need super admin rights.",
        "code": "sign_in_refused",
    }
    assert come_back(api, state).status_code == 400


def test_tells_a_long_reason_shortened(own_api, api, hubspot):
    state = authorize(own_api, hubspot)["state"]
    answer = come_back(api, state, code="", error="x", error_description="no " * 2000)
    assert len(answer.json()["detail"]) < 600


def test_takes_the_reason_to_the_frontend(own_api, api, hubspot):
    state = authorize(own_api, hubspot, return_to=PAGE)["state"]
    answer = come_back(api, state, code="", error="access_denied")
    assert query_of(answer["Location"]) == {"tab": "crm", "connection_error": "access_denied"}


def test_connects_nobody_who_is_inactive(own_api, api, user, hubspot):
    state = authorize(own_api, hubspot)["state"]
    user.is_active = False
    user.save()
    assert come_back(api, state).status_code == 400


def test_keeps_codes_out_of_caches_and_of_other_sites(own_api, api, hubspot):
    answer = come_back(api, authorize(own_api, hubspot)["state"])
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]


def test_keeps_no_secret_in_the_clear(own_api, api, hubspot):
    park(own_api, api, hubspot)
    row = str(OAuthState.objects.values().get())
    assert "first-code" not in row
    assert "Sealed" in row


def test_revokes_the_token_of_who_disconnects(own_api, api, hubspot):
    complete(own_api, park(own_api, api, hubspot))
    assert own_api.delete("/connection").status_code == 204
    assert hubspot.revoked == ["refresh-1"]


def test_disconnects_though_the_crm_does_not_revoke(own_api, api, hubspot, settings):
    complete(own_api, park(own_api, api, hubspot))
    settings.HUBSPOT_CLIENT_SECRET = "wrong"
    assert own_api.delete("/connection").status_code == 204
    assert own_api.get("/connection").json() == {"state": "not_connected"}


def test_revokes_the_token_of_an_account_that_is_left(own_api, api, hubspot):
    complete(own_api, park(own_api, api, hubspot))
    own_api.put("/connection", {"provider": "sandbox", "credentials": {}})
    assert hubspot.revoked == ["refresh-1"]
