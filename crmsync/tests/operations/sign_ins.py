"""A person signs in at HubSpot: what the frontend, the browser and the CRM do."""

from urllib.parse import parse_qs, urlsplit


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def authorize(api, hubspot, **query):
    """What the CRM is asked; from then on it wants the sign-in's PKCE verifier."""
    answer = api.get("/connection/authorize", {"provider": "hubspot", **query})
    assert answer.status_code == 200, answer.json()
    asked = query_of(answer.json()["authorize_url"])
    hubspot.challenge = asked["code_challenge"]
    return asked


def come_back(api, state, **query):
    return api.get("/connection/callback", {"state": state, "code": "first-code", **query})


def park(own_api, api, hubspot):
    """The connection code of a sign-in for which the CRM has sent the person back."""
    return come_back(api, authorize(own_api, hubspot)["state"]).json()["connection_code"]


def complete(api, code):
    return api.post("/connection/complete", {"code": code})
