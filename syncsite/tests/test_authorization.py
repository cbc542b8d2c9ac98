import pytest
import yaml

from conftest import api_of
from crmsync.operations import syncs

pytestmark = pytest.mark.django_db

# The callback is asked by browsers that a CRM sends back; its `state` tells who they are.
OPEN = {
    *((path, "post") for path in ("/users", "/authenticate")),
    *((path, "post") for path in ("/password/reset", "/password/reset/confirm")),
    *((page, "get") for page in ("/app", "/app/states")),
    *((f"/help{page}", "get") for page in ("", "/{code}", "/states/{state}")),
    ("/connection/callback", "get"),
}


@pytest.fixture
def operations(client):
    """Every path and method that the schema names."""
    schema = yaml.safe_load(client.get("/schema").content)
    return [(path, method) for path, item in schema["paths"].items() for method in item]


def test_every_endpoint_but_the_ways_in_asks_for_a_token(operations, api, meeting):
    for path, method in set(operations) - OPEN:
        response = getattr(api, method)(path.replace("{id}", str(meeting.pk)))
        assert response.status_code == 401, (path, method)
        assert response["WWW-Authenticate"] == "Bearer"
        assert response.json()["code"] == "not_authenticated"


def test_nobody_learns_of_anothers_meeting(operations, stranger, meeting, connection):
    syncs.request_sync(meeting, by=None)
    api = api_of(stranger)
    for path, method in operations:
        if "{id}" in path:
            others, nobodys = (
                getattr(api, method)(path.replace("{id}", str(pk))) for pk in (meeting.pk, 999_999)
            )
            assert others.status_code == nobodys.status_code == 404, (path, method)
            assert others.json() == nobodys.json()


def test_a_frontend_elsewhere_may_send_what_it_needs(client, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    asked = "authorization, content-type, if-none-match"
    response = client.options(
        "/meetings",
        headers={
            "origin": "https://app.example.com",
            "access-control-request-method": "GET",
            "access-control-request-headers": asked,
        },
    )
    allowed = response["Access-Control-Allow-Headers"].split(", ")
    assert set(asked.split(", ")) <= set(allowed)
