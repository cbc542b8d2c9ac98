import re
from urllib.parse import urlsplit

import pytest

from crmsync.errors import CATALOGUE
from crmsync.providers import PROVIDERS
from crmsync.status.error_messages import help_url
from crmsync.status.help_texts import IN_THE_CRM, STATES
from crmsync.status.state import PHASES


def test_lists_every_cause_and_state(client):
    page = client.get("/help").content.decode()
    for path in [*CATALOGUE, *(f"states/{state}" for state in PHASES)]:
        assert f'href="/help/{path}"' in page


@pytest.mark.parametrize("path", ["nonsense", "states/nonsense", "states"])
def test_knows_nothing_else(client, path):
    assert client.get(f"/help/{path}").status_code == 404


def test_says_what_to_do_in_the_crm_that_a_link_names(client):
    url = urlsplit(help_url("crm_user_inactive", "salesforce"))
    page = client.get(f"{url.path}?{url.query}").content.decode()
    assert "Unfreeze" in page
    assert "Reactivate user" not in page


def test_says_it_for_each_where_none_is_named(client):
    page = client.get("/help/crm_user_inactive").content.decode()
    assert {"In HubSpot", "In Salesforce", "In BottleCRM"} <= set(re.findall("In \\w+", page))


def test_is_in_the_language_that_a_link_names(client):
    page = client.get("/help/states/paused?language=de", headers={"Accept-Language": "en"})
    assert page["Content-Language"] == "de"
    assert "Verbinden Sie Ihr CRM" in page.content.decode()
    assert 'lang="de"' in page.content.decode()


@pytest.mark.parametrize("language", ["xx", "../en", ""])
def test_ignores_a_language_that_there_is_not(client, language):
    page = client.get("/help/states/paused", {"language": language})
    assert page["Content-Language"] == "en"


@pytest.mark.parametrize("state", PHASES)
def test_has_a_page_for_every_state(client, state):
    assert str(STATES[state][0]) in client.get(f"/help/states/{state}").content.decode()


def test_names_only_what_there_is():
    assert set(STATES) == set(PHASES)
    assert set(IN_THE_CRM) <= set(CATALOGUE)
    assert {crm for advice in IN_THE_CRM.values() for crm in advice} <= set(PROVIDERS)
