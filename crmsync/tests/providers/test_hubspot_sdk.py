"""HubSpot's own SDK is the judge of whether our stand-in speaks like HubSpot."""

import pytest

from crmsync.tests.stand_ins.hubspot import HubSpotStandIn

hubspot = pytest.importorskip("hubspot", reason="one of the quality tools")
contacts = pytest.importorskip("hubspot.crm.contacts")
associations = pytest.importorskip("hubspot.crm.associations.v4")


@pytest.fixture
def crm():
    with HubSpotStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def sdk(crm):
    return hubspot.HubSpot(access_token=crm.token, host=crm.url)


def test_its_sdk_creates_reads_and_upserts_at_the_stand_in(sdk, crm):
    email = {"email": "ann@acme.example"}
    made = sdk.crm.contacts.basic_api.create(
        contacts.SimplePublicObjectInputForCreate(properties=email, associations=[])
    )
    read = sdk.crm.contacts.batch_api.read(
        contacts.BatchReadInputSimplePublicObjectId(
            id_property="email",
            properties=["email"],
            properties_with_history=[],
            inputs=[{"id": "ann@acme.example"}],
        )
    )
    assert [contact.id for contact in read.results] == [made.id]
    one = {"id": "ann@acme.example", "idProperty": "email", "properties": email}
    batch = contacts.BatchInputSimplePublicObjectBatchInputUpsert(inputs=[one])
    (upserted,) = sdk.crm.contacts.batch_api.upsert(batch).results
    assert (upserted.id, upserted.new) == (made.id, False)


def test_its_sdk_reads_the_stand_ins_refusals(sdk, crm):
    crm.token = "another-t0ken"
    with pytest.raises(contacts.ApiException) as refused:
        sdk.crm.contacts.basic_api.get_page(limit=1)
    assert refused.value.status == 401


def test_its_sdk_links_at_the_stand_in(sdk, crm):
    contact, meeting = crm.add("contacts", {"email": "a@b.example"}), crm.add("meetings", {})
    pair = {"from": {"id": meeting}, "to": {"id": contact}}
    batch = associations.BatchInputPublicDefaultAssociationMultiPost(inputs=[pair])
    sdk.crm.associations.v4.batch_api.create_default("meetings", "contacts", batch)
    assert crm.links == {(contact, meeting)}
