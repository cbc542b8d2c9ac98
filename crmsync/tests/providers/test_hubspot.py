"""What is HubSpot's own: how it is connected, and how a meeting is found again."""

import uuid
from dataclasses import replace

import pytest

from crmsync.errors import CrmError
from crmsync.models import Connection, SyncRun
from crmsync.providers.base import Person, Ref, Session
from crmsync.providers.hubspot import HubSpot
from crmsync.providers.hubspot_errors import KEY
from crmsync.tests.stand_ins.hubspot import HubSpotStandIn

pytestmark = pytest.mark.django_db

PROPERTY = f"/crm/properties/2026-09/meetings/{KEY}"
LINKS = "/crm/associations/2026-09/contacts/meetings/batch/read"


@pytest.fixture
def crm(settings):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    with HubSpotStandIn() as stand_in:
        settings.HUBSPOT_API_URL = stand_in.url
        yield stand_in


@pytest.fixture
def hubspot(crm):
    """In an account that has no property of ours."""
    with Session({"token": crm.token}, capabilities={}) as session:
        yield HubSpot(session)


def contact(crm, remote_id=None):
    made = remote_id or crm.add("contacts", {"email": "ann@acme.example"})
    return Ref("contact", "ann@acme.example", made, "unchanged")


def written(crm, content, *links, host="http://localhost:8000"):
    remote_id = crm.add("meetings", {"hs_meeting_external_url": f"{host}/meetings/{content.key}"})
    for ref in links:
        crm.link(ref.remote_id, remote_id)
    return remote_id


def known(content, remote_id):
    key = str(content.key)
    return {("meeting", key): Ref("meeting", key, remote_id, "created")}


def connect(api, token=HubSpotStandIn.token):
    return api.put("/connection", {"provider": "hubspot", "credentials": {"token": token}})


def test_is_connected_with_a_token_and_makes_its_property(own_api, crm):
    assert connect(own_api).json()["account"] == "HubSpot 4711"
    assert crm.properties["syncsite_meeting_key"]["hasUniqueValue"] is True
    assert Connection.objects.get().capabilities["unique_key"] is True
    assert connect(own_api).status_code == 200


def test_does_without_the_property_where_it_cannot_be_made(own_api, crm):
    crm.may_have_key = False
    assert connect(own_api).status_code == 200
    assert Connection.objects.get().capabilities["unique_key"] is False


def test_does_without_the_property_where_it_may_not_be_read(own_api, crm):
    crm.first["GET", PROPERTY] = [(403, {"category": "MISSING_SCOPES"})]
    assert connect(own_api).status_code == 200
    assert Connection.objects.get().capabilities["unique_key"] is False


def test_is_not_connected_while_nobody_knows_of_the_property(own_api, crm):
    crm.first["GET", PROPERTY] = [(503, {})]
    assert connect(own_api).status_code != 200
    assert not crm.properties


def test_takes_the_property_that_another_sign_in_has_just_made(own_api, crm):
    crm.properties[KEY] = {"hasUniqueValue": True}
    crm.first["GET", PROPERTY] = [(404, {})]
    connect(own_api)
    assert Connection.objects.get().capabilities["unique_key"] is True


def test_makes_its_property_where_there_is_no_group(own_api, crm):
    crm.first["GET", "/crm/properties/2026-09/meetings/groups"] = [(200, {"results": []})]
    connect(own_api)
    assert Connection.objects.get().capabilities["unique_key"] is True


def test_says_which_scopes_are_missing(own_api, crm):
    crm.scopes.remove("crm.objects.contacts.write")
    title, message, _ = connect(own_api).json()["credentials"]
    assert title == "A permission is missing in HubSpot"
    assert "crm.objects.contacts.write" in message


def test_is_not_connected_with_a_wrong_token(own_api, crm):
    refused = connect(own_api, "pat-na1-wr0ng")
    assert refused.status_code == 400
    assert "wr0ng" not in refused.content.decode()


def test_is_synced_through_the_workers(own_api, crm, make_meeting, settle):
    connect(own_api)
    meeting = make_meeting("ann@acme.example", "bob@acme.example")
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    document = own_api.get(f"/meetings/{meeting.pk}/sync").json()
    assert document["state"] == "synced"
    urls = {record["url"] for record in document["records"] if record["kind"] == "meeting"}
    (meeting_id,) = crm.objects["meetings"]
    assert urls == {f"https://app-eu1.hubspot.com/contacts/4711/record/0-47/{meeting_id}"}
    assert len(crm.links) == 2


def test_says_that_notes_were_shortened(own_api, crm, make_meeting, settle):
    connect(own_api)
    meeting = make_meeting("ann@acme.example", notes="ä" * 70_000)
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    document = own_api.get(f"/meetings/{meeting.pk}/sync").json()
    assert document["headline"] == "Saved in HubSpot, though not all of it"
    names = [record["name"] for record in document["records"] if record["kind"] == "note"]
    assert names == ["Notes (shortened)"]


def test_left_for_another_crm_cancels_what_is_under_way(own_api, crm, make_meeting):
    connect(own_api)
    meeting = make_meeting("ann@acme.example")
    own_api.post(f"/meetings/{meeting.pk}/sync")
    own_api.put("/connection", {"provider": "sandbox", "credentials": {}})
    assert own_api.get(f"/meetings/{meeting.pk}/sync").json()["state"] == "never_synced"
    assert SyncRun.objects.get().status == SyncRun.Status.CANCELED
    assert Connection.objects.get().capabilities == {}


def test_gives_its_key_to_a_meeting_that_is_older_than_the_property(crm, hubspot, content):
    hubspot.can["unique_key"] = True
    old = written(crm, content)
    assert hubspot.upsert_meeting(content, [], known(content, old))[0].remote_id == old
    assert crm.objects["meetings"][old][KEY] == str(content.key)


def test_makes_no_other_meeting_for_one_that_is_gone(crm, hubspot, content):
    hubspot.can["unique_key"] = True
    crm.properties[KEY] = {}
    with pytest.raises(CrmError) as refused:
        hubspot.upsert_meeting(content, [], known(content, "999"))
    assert refused.value.code == "record_deleted"


def test_says_that_a_contact_is_gone(crm, hubspot, content):
    (ref,) = hubspot.upsert_meeting(content, [], {})
    for work in (hubspot.add_notes, lambda _, *args: hubspot.upsert_meeting(*args)):
        with pytest.raises(CrmError) as refused:
            work(ref, replace(content, key=uuid.uuid4()), [contact(crm, "999")], {})
        assert refused.value.code == "record_deleted"


def test_finds_a_meeting_whose_attendees_were_others(crm, hubspot, content):
    old = written(crm, content)
    assert hubspot.upsert_meeting(content, [contact(crm)], {})[0].remote_id == old


def test_finds_a_meeting_on_a_further_page_of_its_contact(crm, hubspot, content):
    ann = contact(crm)
    for _ in range(4):
        written(crm, replace(content, key=uuid.uuid4()), ann)
    old = written(crm, content, ann, host="https://moved.example")  # No search finds it.
    crm.links_per_page = 2
    assert hubspot.upsert_meeting(content, [ann], {})[0].remote_id == old


def test_reads_only_so_many_pages_of_a_contact(crm, hubspot, content):
    ann = contact(crm)
    row = {"from": {"id": ann.remote_id}, "to": [], "paging": {"next": {"after": "1"}}}
    crm.first["POST", LINKS] = [(200, {"results": [row]})] * 30
    hubspot.upsert_meeting(content, [ann], {})
    assert len(crm.first["POST", LINKS]) == 10


UPSERT = "/crm/objects/2026-09/contacts/batch/upsert"
CONFLICT = (409, {"category": "CONFLICT", "message": "Contact already exists. Existing ID: 101"})
ASSOCIATE = "/crm/associations/2026-09/meetings/contacts/batch/associate/default"


def test_takes_the_contact_that_a_conflict_names(crm, hubspot):
    people = [Person("ann@acme.example", "Ann Lee"), Person("bob@acme.example", "Bob Ray")]
    crm.first["POST", UPSERT] = [CONFLICT, CONFLICT]
    ann, bob = hubspot.upsert_contacts(people, {})
    assert (ann.remote_id, ann.action) == ("101", "unchanged")
    assert bob.action == "created"


@pytest.mark.parametrize("answer", [(202, None), (202, {}), (200, {"results": []})])
def test_calls_nobody_linked_whom_hubspot_does_not_name(crm, hubspot, content, answer):
    contacts = hubspot.upsert_contacts([Person("ann@acme.example", "Ann Lee")], {})
    meeting, *_ = hubspot.upsert_meeting(content, contacts, {})
    crm.links.clear()
    crm.first["POST", ASSOCIATE] = [answer]
    with pytest.raises(CrmError) as unsure:
        hubspot.add_notes(meeting, content, contacts, {})
    assert unsure.value.code == "crm_unavailable"
    assert hubspot.add_notes(meeting, content, contacts, {})


def test_links_a_person_with_two_addresses_once(crm, hubspot, content, monkeypatch):
    (ann,) = hubspot.upsert_contacts([Person("ann@acme.example", "Ann Lee")], {})
    twice = [ann, Ref("contact", "ann@home.example", ann.remote_id, "unchanged")]
    meeting, *_ = hubspot.upsert_meeting(content, twice, {})
    crm.links.clear()
    linked = []
    monkeypatch.setattr(crm, "link", lambda contact, _: linked.append(contact))
    hubspot.add_notes(meeting, content, twice, {})
    assert linked == [ann.remote_id]
