"""GET /providers: what a frontend needs to draw the form that connects a CRM."""

import pytest

from crmsync.providers import PROVIDERS
from crmsync.status.provider_texts import FIELDS, OPTIONS

pytestmark = pytest.mark.django_db


def test_are_all_of_them(own_api):
    told = own_api.get("/providers").json()
    assert [one["name"] for one in told] == list(PROVIDERS)
    hubspot = next(one for one in told if one["name"] == "hubspot")
    assert (hubspot["label"], hubspot["sign_in"]) == ("HubSpot", False)
    assert hubspot["fields"] == [
        {
            "name": "token",
            "label": "Token",
            "help": "In HubSpot: Development > Keys > Service keys.",
            "secret": True,
            "required": True,
            "choices": None,
        }
    ]
    create = next(one for one in hubspot["options"] if one["name"] == "create_people")
    assert create["choices"] == ["contacts", "nobody"]


def test_say_where_people_may_sign_in(own_api, hubspot):
    told = {one["name"]: one["sign_in"] for one in own_api.get("/providers").json()}
    assert told == {"sandbox": False, "hubspot": True, "salesforce": False, "bottlecrm": False}


def test_have_a_label_for_everything():
    for name, provider in PROVIDERS.items():
        assert set(FIELDS[name]) == set(provider.needs)
        assert set(provider.choices) <= set(OPTIONS)


def test_are_for_those_who_are_signed_in(api):
    assert api.get("/providers").status_code == 401
