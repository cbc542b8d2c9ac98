import pytest

from crmsync.errors import CrmError
from crmsync.providers.base import Person, Ref, Session
from crmsync.providers.salesforce import Salesforce
from crmsync.providers.salesforce_guests import guests_of
from crmsync.tests.stand_ins.salesforce import SalesforceStandIn

DATA = "/services/data/v62.0"
ANN = f"{DATA}/sobjects/Contact/Email/ann%40acme.example"
NOBODY = (200, {"records": []})
NOT_FOUND = (404, [{"errorCode": "NOT_FOUND", "message": "The requested resource is not there."}])


@pytest.fixture
def crm(settings):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    with SalesforceStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def salesforce(crm):
    """In an org without our field and without shared activities."""
    credentials = {"instance_url": crm.url, "access_token": crm.token}
    with Session(credentials, capabilities={}) as session:
        yield Salesforce(session)


def upsert_contacts(crm, *people):
    credentials = {"instance_url": crm.url, "access_token": crm.token}
    with Session(credentials) as session:
        return Salesforce(session).upsert_contacts(people, {})


def contact(crm, name):
    _, made = crm.put("Contact", None, {"Email": f"{name}@acme.example", "LastName": name})
    return Ref("contact", f"{name}@acme.example", made["id"], "unchanged")


def test_survives_a_description_that_is_none(crm, salesforce):
    crm.first["GET", f"{DATA}/sobjects/Event/describe"] = [(200, {"fields": 7})]
    assert salesforce.check().degraded == ["unique_key", "shared_activities"]


def test_names_its_organization_and_what_it_can_do(salesforce):
    account = salesforce.check()
    assert (account.id, account.name) == ("00D000000000001", "Acme")
    able = {"unique_key": True, "shared_activities": True, "leads": True}
    assert (account.capabilities, account.degraded) == (able, [])


def test_prefers_a_contact_with_an_account_to_one_without_and_to_a_lead(crm):
    email = "ann@acme.example"
    for kind, remote_id, account in [
        ("Contact", "003A", "001A"),
        ("Contact", "003B", None),
        ("Lead", "00QA", None),
    ]:
        crm.records[kind][remote_id] = {"Id": remote_id, "Email": email, "AccountId": account}
    assert [ref.remote_id for ref in upsert_contacts(crm, Person(email, "Ann"))] == ["003A"]


def test_takes_a_lead_where_there_is_no_contact(crm):
    crm.records["Lead"]["00QA"] = {"Id": "00QA", "Email": "Ann@acme.example"}
    (ref,) = upsert_contacts(crm, Person("ann@acme.example", "Ann"))
    assert (ref.remote_id, ref.action) == ("00QA", "unchanged")


def duplicate(*ids):
    """What a duplicate rule of the org answers."""
    matches = [{"matchRecords": [{"record": {"Id": remote_id}} for remote_id in ids]}]
    rule = {
        "errorCode": "DUPLICATES_DETECTED",
        "message": "Use one of these records?",
        "duplicateResult": {"matchResults": matches},
    }
    return 400, [rule]


def put_person(crm, remote_id, email):
    kind = "Lead" if remote_id.startswith("00Q") else "Contact"
    crm.records[kind][remote_id] = {"Id": remote_id, "Email": email}


@pytest.mark.parametrize("ids", [["003TWIN"], [None, "../Account", "001ACME", "003TWIN"]])
def test_takes_whom_a_duplicate_rule_names_if_the_address_is_theirs(crm, ids):
    crm.first["PATCH", ANN] = [duplicate(*ids)]
    crm.first["GET", f"{DATA}/query"] = [NOBODY, NOBODY]  # Not found a moment ago.
    put_person(crm, "003TWIN", "Ann@acme.example")
    (ref,) = upsert_contacts(crm, Person("ann@acme.example", "Ann"))
    assert (ref.remote_id, ref.action) == ("003TWIN", "unchanged")


@pytest.mark.parametrize("twin", ["003TWIN", "001ACME", "00QTWIN"])
def test_takes_nobody_else_whom_a_duplicate_rule_names(crm, twin):
    crm.first["PATCH", ANN] = [duplicate(twin)]
    if twin != "001ACME":
        put_person(crm, twin, "ann@other.example")
    (ref,) = upsert_contacts(crm, Person("ann@acme.example", "Ann Lee"))
    assert (ref.remote_id != twin, ref.action) == (True, "created")
    assert crm.records["Contact"][ref.remote_id]["Email"] == "ann@acme.example"


def test_tells_what_a_blocking_duplicate_rule_says(crm):
    crm.first["PATCH", ANN] = [duplicate("001ACME")]
    crm.first["POST", f"{DATA}/sobjects/Contact"] = [duplicate("001ACME")]
    (ref,) = upsert_contacts(crm, Person("ann@acme.example", "Ann Lee"))
    assert (ref.action, ref.remark) == ("skipped", "Use one of these records?")


def test_finds_no_leads_for_a_user_who_may_see_none(crm):
    crm.sees_leads = False
    (ref,) = upsert_contacts(crm, Person("ann@acme.example", "Ann Lee"))
    assert ref.action == "created"


def test_uses_no_key_that_is_no_external_id(crm, salesforce):
    crm.key_is_external_id = False
    assert salesforce.check().capabilities["unique_key"] is False


def test_names_a_person_with_two_addresses_once():
    twice = [Ref("contact", f"{n}@acme.example", "003A", "unchanged") for n in range(2)]
    guests = guests_of([], twice, {}, several=True)
    assert guests.changes == {"EventWhoIds": ["003A"]}


def test_makes_a_contact_whose_address_it_cannot_upsert_by(crm):
    crm.first["PATCH", ANN] = [NOT_FOUND]
    (ref,) = upsert_contacts(crm, Person("ann@acme.example", "Ann"))
    assert ref.action == "created"
    assert crm.records["Contact"][ref.remote_id]["Email"] == "ann@acme.example"


@pytest.mark.parametrize("status", [None, "200", True, 99, 600])
def test_takes_no_part_without_a_status(crm, status):
    parts = [{"httpStatusCode": status, "body": {"records": []}}] * 2
    crm.first["POST", f"{DATA}/composite"] = [(200, {"compositeResponse": parts})]
    with pytest.raises(CrmError, match="without a status"):
        upsert_contacts(crm, Person("ann@acme.example", "Ann"))


def test_keeps_the_limits_beside_the_reason_of_a_part(crm, monkeypatch):
    locked = {"errorCode": "UNABLE_TO_LOCK_ROW", "message": "locked"}
    monkeypatch.setattr(crm, "put", lambda *_: (400, [locked]))
    with pytest.raises(CrmError) as refused:
        upsert_contacts(crm, Person("ann@acme.example", "Ann"))
    assert refused.value.code == "record_locked"
    assert "sforce-limit-info: api-usage=18/5000" in refused.value.message


def test_survives_any_address(crm):
    email = "o'neil\\@acme.example"
    (ref,) = upsert_contacts(crm, Person(email, "Ann"))
    assert ref.action == "created"
    (again,) = upsert_contacts(crm, Person(email, "Ann"))
    assert (again.remote_id, again.action) == (ref.remote_id, "unchanged")


def test_gives_its_key_to_a_meeting_that_is_older_than_the_field(crm, salesforce, content):
    (old,) = salesforce.upsert_meeting(content, [], {})
    salesforce.can["unique_key"] = True
    known = {(old.kind, old.local_key): old}
    assert salesforce.upsert_meeting(content, [], known)[0].remote_id == old.remote_id
    assert crm.records["Event"][old.remote_id]["Syncsite_Key__c"] == str(content.key)


def test_finds_a_meeting_of_any_attendee_that_was_moved(crm, salesforce, content):
    ann, bob = contact(crm, "ann"), contact(crm, "bob")
    old = salesforce.upsert_meeting(content, [bob], {})[0].remote_id
    crm.records["Event"][old]["StartDateTime"] = "2026-05-05T12:00:00Z"
    assert salesforce.upsert_meeting(content, [ann, bob], {})[0].remote_id == old


def test_finds_a_meeting_below_which_somebody_wrote(crm, salesforce, content):
    old = salesforce.upsert_meeting(content, [], {})[0].remote_id
    crm.records["Event"][old]["Description"] += "\r\nCall them back."
    assert salesforce.upsert_meeting(content, [], {})[0].remote_id == old


def test_names_one_attendee_where_activities_are_not_shared_any_more(crm, salesforce, content):
    salesforce.can["shared_activities"] = True
    crm.fields.remove("EventWhoIds")
    people = [contact(crm, "ann"), contact(crm, "bob")]
    ref, *_ = salesforce.upsert_meeting(content, people, {})
    *_, link = salesforce.add_notes(ref, content, people, {})
    assert (link.kind, link.remark) == ("link", "not with every attendee")
    assert crm.records["Event"][ref.remote_id]["WhoId"] == people[0].remote_id


def test_leaves_nobody_out_because_another_is_gone(crm, salesforce, content):
    salesforce.can["shared_activities"] = True
    people = [contact(crm, "ann"), Ref("contact", "bob@acme.example", "003GONE", "unchanged")]
    ref, *_ = salesforce.upsert_meeting(content, [], {})
    with pytest.raises(CrmError):
        salesforce.add_notes(ref, content, people, {})


def test_reads_only_so_many_pages(crm, salesforce, content):
    page = {"records": [], "nextRecordsUrl": f"{DATA}/query"}
    crm.first["GET", f"{DATA}/query"] = [(200, page)] * 30
    with pytest.raises(CrmError, match="Too many pages"):
        salesforce.upsert_meeting(content, [], {})
