"""A person signs in at their own address of Salesforce: My Domain, or that of a sandbox."""

import pytest

from crmsync.models import Connection
from crmsync.operations import connections
from crmsync.tests.operations.sign_ins import come_back, complete, query_of
from crmsync.tests.stand_ins.salesforce import SalesforceStandIn

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def my_domain(settings):
    """Elsewhere than the usual sign-in page, which nobody answers."""
    settings.SALESFORCE_LOGIN_URL = "http://127.0.0.1:9"
    settings.SALESFORCE_CLIENT_ID = "client"
    settings.SALESFORCE_CLIENT_SECRET = "client-s3cret"
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    with SalesforceStandIn() as crm:
        yield crm


def authorize(api, address):
    return api.get("/connection/authorize", {"provider": "salesforce", "instance_url": address})


@pytest.fixture
def signed_in(own_api, api, my_domain):
    asked = query_of(authorize(own_api, my_domain.url).json()["authorize_url"])
    my_domain.challenge = asked["code_challenge"]
    code = come_back(api, asked["state"]).json()["connection_code"]
    answer = complete(own_api, code)
    assert answer.status_code == 200, answer.json()
    return Connection.objects.get()


def test_is_where_the_browser_is_sent(own_api, my_domain):
    url = authorize(own_api, f"{my_domain.url}/").json()["authorize_url"]
    assert url.startswith(f"{my_domain.url}/services/oauth2/authorize?")


def test_grants_the_token_and_renews_it(signed_in, my_domain):
    connections.renew_token(signed_in.pk)
    assert my_domain.granted == 2
    signed_in.refresh_from_db()
    assert signed_in.credentials.open()["refresh_token"] == "refresh-2"


def test_hears_of_it_when_the_person_leaves(own_api, signed_in, my_domain):
    own_api.delete("/connection")
    assert my_domain.revoked == ["refresh-1"]


@pytest.mark.parametrize(
    "address",
    [
        "https://acme.my.salesforce.com",
        "https://acme--dev.sandbox.my.salesforce.com",
        "https://test.salesforce.com/",
    ],
)
def test_is_any_of_salesforces(own_api, my_domain, settings, address):
    settings.ALLOW_PRIVATE_CRM_HOSTS = False
    assert authorize(own_api, address).json()["authorize_url"].startswith(address.rstrip("/"))


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "https://evilsalesforce.com",
        "https://acme.my.salesforce.com.evil.example",
        "https://acme.my.salesforce.com@evil.example",
        "https://acme.my.salesforce.com/?next=x",
        "http://acme.my.salesforce.com",
        "acme.my.salesforce.com",
        "https://[",
        "https://evil.example\\.salesforce.com",
        "https://evil.example%2f.salesforce.com",
        "https://acme.my.salesforce.com:x",
        "https://acme .salesforce.com",
    ],
)
def test_is_nobody_elses(own_api, my_domain, settings, address):
    settings.ALLOW_PRIVATE_CRM_HOSTS = False
    refused = authorize(own_api, address)
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "instance_url")


def test_of_hubspot_there_is_none(own_api, hubspot):
    asked = {"provider": "hubspot", "instance_url": "https://app.hubspot.com"}
    assert own_api.get("/connection/authorize", asked).status_code == 400


def test_comes_from_a_sign_in_only(own_api, my_domain):
    given = {"instance_url": my_domain.url, "access_token": my_domain.token, "login_url": "x"}
    own_api.put("/connection", {"provider": "salesforce", "credentials": given})
    assert "login_url" not in Connection.objects.get().credentials.open()
