"""The options of a connection, and what its account does not let us do."""

import pytest

from crmsync.models import Connection
from crmsync.tests.stand_ins.hubspot import HubSpotStandIn
from crmsync.tests.stand_ins.salesforce import SalesforceStandIn

pytestmark = pytest.mark.django_db

DEFAULTS = {
    "internal_domains": [],
    "skip_addresses": [],
    "create_people": "contacts",
    "owner": "by_email",
    "company": "by_contact",
}


@pytest.fixture
def hubspot(settings):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    with HubSpotStandIn() as stand_in:
        settings.HUBSPOT_API_URL = stand_in.url
        yield stand_in


@pytest.fixture
def salesforce(settings):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    with SalesforceStandIn() as stand_in:
        yield stand_in


def connect(api, **given):
    body = {"provider": "hubspot", "credentials": {"token": HubSpotStandIn.token}, **given}
    return api.put("/connection", body)


def codes(answer):
    return [degraded["code"] for degraded in answer.json()["degraded"]]


def test_need_no_thought(own_api, user, hubspot):
    hubspot.owners[user.email] = "7001"
    answer = connect(own_api)
    assert (answer.json()["options"], answer.json()["degraded"]) == (DEFAULTS, [])


def test_take_the_owners_domain_for_that_of_colleagues(own_api, user, hubspot):
    type(user).objects.update(email="rep@ours.example")
    assert connect(own_api).json()["options"]["internal_domains"] == ["ours.example"]


def test_are_kept_while_none_are_named(own_api, hubspot):
    connect(own_api, options={"create_people": "nobody"})
    assert connect(own_api).json()["options"]["create_people"] == "nobody"
    assert connect(own_api, options={}).json()["options"]["create_people"] == "contacts"


def test_are_stored_in_one_spelling(own_api, hubspot):
    options = {"internal_domains": ["Ours.Example", "bücher.example"]}
    answer = connect(own_api, options={**options, "skip_addresses": ["CAT@acme.example"]})
    told = answer.json()["options"]
    assert told["internal_domains"] == ["ours.example", "xn--bcher-kva.example"]
    assert told["skip_addresses"] == ["cat@acme.example"]


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"colour": "blue"}, "options.colour"),
        ({"create_people": "leads"}, "options.create_people"),
        ({"create_people": "everybody"}, "options.create_people"),
        ({"internal_domains": ["no domain"]}, "options.internal_domains[0]"),
        ({"skip_addresses": ["cat"]}, "options.skip_addresses[0]"),
        ({"owner": None}, "options.owner"),
        ([], "options"),
    ],
)
def test_are_refused_where_they_make_no_sense(own_api, hubspot, options, path):
    refused = connect(own_api, options=options)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["path"].startswith(path)
    assert not Connection.objects.exists()


def test_are_changed_alone(own_api, user, hubspot):
    connect(own_api, options={"skip_addresses": ["cat@acme.example"]})
    hubspot.owners[user.email] = "7001"
    answer = own_api.patch("/connection", {"options": {"company": "none"}})
    assert answer.status_code == 200
    assert answer.json()["options"]["company"] == "none"
    assert answer.json()["options"]["skip_addresses"] == ["cat@acme.example"]
    assert Connection.objects.get().capabilities["owner"] == "7001"
    refused = own_api.patch("/connection", {"options": {"create_people": "leads"}})
    assert refused.json()["errors"][0]["path"] == "options.create_people"


def test_of_no_connection_cannot_be_changed(own_api):
    assert own_api.patch("/connection", {"options": {}}).status_code == 404


def test_say_what_hubspot_does_not_let_us_do_and_go_on(own_api, hubspot):
    hubspot.scopes -= {"crm.objects.owners.read", "crm.objects.companies.read"}
    hubspot.may_have_key = False
    answer = connect(own_api)
    assert codes(answer) == ["unique_key", "owner", "companies"]
    assert answer.json()["degraded"][2]["text"] == (
        "We may not see companies in HubSpot, so meetings are linked to people only."
    )


def test_ask_for_nothing_that_nobody_wants(own_api, hubspot):
    hubspot.scopes -= {"crm.objects.owners.read", "crm.objects.companies.read"}
    assert codes(connect(own_api, options={"owner": "none", "company": "none"})) == []


def test_are_looked_at_anew_by_a_check(own_api, user, hubspot):
    hubspot.scopes.remove("crm.objects.owners.read")
    assert codes(connect(own_api)) == ["owner"]
    hubspot.scopes.add("crm.objects.owners.read")
    hubspot.owners[user.email] = "7001"
    assert codes(own_api.post("/connection/check")) == []
    assert codes(own_api.get("/connection")) == []


def test_say_what_salesforce_does_not_let_us_do(own_api, user, salesforce):
    salesforce.sees_leads = False
    salesforce.key_is_external_id = False
    salesforce.fields.remove("EventWhoIds")
    credentials = {"instance_url": salesforce.url, "access_token": salesforce.token}
    answer = own_api.put("/connection", {"provider": "salesforce", "credentials": credentials})
    assert codes(answer) == ["unique_key", "shared_activities", "leads", "owner"]


@pytest.fixture
def synced(own_api, user, hubspot, make_meeting, settle):
    """What HubSpot holds of a meeting with these attendees."""

    def sync(*emails, **options):
        hubspot.owners[user.email] = "7001"
        connect(own_api, options=options)
        meeting = make_meeting(*emails)
        own_api.post(f"/meetings/{meeting.pk}/sync")
        settle()
        (found,) = hubspot.objects["meetings"].items()
        return found

    return sync


def test_give_the_meeting_to_its_owner(synced):
    assert synced("ann@acme.example")[1]["hubspot_owner_id"] == "7001"


def test_give_it_to_nobody_who_does_not_want_it(synced):
    assert "hubspot_owner_id" not in synced("ann@acme.example", owner="none")[1]


def test_link_the_companies_of_its_people(synced, hubspot):
    company = hubspot.add("companies", {"name": "Acme"})
    hubspot.add("contacts", {"email": "ann@acme.example", "associatedcompanyid": company})
    meeting_id, _ = synced("ann@acme.example", "bob@acme.example")
    assert (company, meeting_id) in hubspot.links


def test_link_no_companies_where_nobody_wants_them(synced, hubspot):
    company = hubspot.add("companies", {"name": "Acme"})
    hubspot.add("contacts", {"email": "ann@acme.example", "associatedcompanyid": company})
    meeting_id, _ = synced("ann@acme.example", company="none")
    assert (company, meeting_id) not in hubspot.links


def test_keep_colleagues_out_of_the_crm(synced, hubspot):
    synced("ann@acme.example", "boss@ours.example", internal_domains=["ours.example"])
    emails = [contact["email"] for contact in hubspot.objects["contacts"].values()]
    assert emails == ["ann@acme.example"]


def test_give_a_salesforce_event_its_owner_and_its_account(
    own_api, user, salesforce, make_meeting, settle
):
    salesforce.users[user.email] = "0057"
    ann = {"Id": "003ANN", "Email": "ann@acme.example", "AccountId": "001ACME"}
    salesforce.records["Contact"]["003ANN"] = ann
    credentials = {"instance_url": salesforce.url, "access_token": salesforce.token}
    own_api.put("/connection", {"provider": "salesforce", "credentials": credentials})
    meeting = make_meeting("ann@acme.example")
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    (event,) = salesforce.records["Event"].values()
    assert (event["OwnerId"], event["WhatId"]) == ("0057", "001ACME")


def test_make_leads_in_salesforce(own_api, salesforce, make_meeting, settle):
    credentials = {"instance_url": salesforce.url, "access_token": salesforce.token}
    body = {"provider": "salesforce", "credentials": credentials}
    own_api.put("/connection", {**body, "options": {"create_people": "leads"}})
    meeting = make_meeting("ann@acme.example")
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    (lead,) = salesforce.records["Lead"].values()
    (event,) = salesforce.records["Event"].values()
    assert (lead["Company"], event["WhoId"]) == ("acme.example", lead["Id"])


@pytest.mark.parametrize("provider", [[], {}, ["hubspot"], None, 7])
def test_of_no_provider_are_refused(own_api, provider):
    body = {"provider": provider, "credentials": {}, "options": {}}
    refused = own_api.put("/connection", body)
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "provider")


def test_are_changed_while_support_has_paused_the_connection(own_api, hubspot):
    connect(own_api)
    Connection.objects.update(state="paused")
    own_api.patch("/connection", {"options": {"company": "none"}})
    assert Connection.objects.get().options == {"company": "none"}
