import httpx
import pytest

from crmsync.errors import CrmError
from crmsync.providers.base import Person, Ref, Session
from crmsync.providers.http import Answer
from crmsync.providers.salesforce import Salesforce
from crmsync.providers.salesforce_errors import explain
from crmsync.tests.stand_ins.salesforce import SalesforceStandIn

DATA = "/services/data/v62.0"
LOCKED = "unable to obtain exclusive access to this record"
ERRORS = [
    (401, "INVALID_SESSION_ID", "Session expired", "connection_expired"),
    (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", "crm_daily_quota_used"),
    (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.", "crm_rate_limited"),
    (400, "UNABLE_TO_LOCK_ROW", LOCKED, "record_locked"),
    (503, "SERVER_UNAVAILABLE", "", "crm_unavailable"),
    (400, "QUERY_TIMEOUT", "", "crm_unavailable"),
    (403, "INACTIVE_USER", "", "crm_user_inactive"),
    (403, "API_DISABLED_FOR_ORG", "", "permission_missing"),
    (403, "API_CURRENTLY_DISABLED", "", "permission_missing"),
    (400, "INSUFFICIENT_ACCESS_OR_READONLY", "", "permission_missing"),
    (400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "", "permission_missing"),
    (400, "INSUFFICIENT_ACCESS_TO_INSIGHTSEXTERNALDATA", "", "permission_missing"),
    (400, "DUPLICATES_DETECTED", "Use one of these records?", "record_rejected"),
    (400, "REQUIRED_FIELD_MISSING", "Required fields are missing", "field_missing"),
    (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No meetings on Sundays", "record_rejected"),
    (400, "STRING_TOO_LONG", "data value too large", "record_rejected"),
    (400, "INVALID_EMAIL_ADDRESS", "invalid", "record_rejected"),
    (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value", "record_rejected"),
    (404, "ENTITY_IS_DELETED", "entity is deleted", "record_deleted"),
    (404, "NOT_FOUND", "Provided external ID field does not exist", "permission_missing"),
    (400, "INVALID_FIELD", "No such column", "unexpected_error"),
    (400, "INVALID_FIELD", "No such column 'Syncsite_Key__c'", "permission_missing"),
    (400, "MALFORMED_QUERY", "unexpected token", "unexpected_error"),
    (400, "JSON_PARSER_ERROR", "", "unexpected_error"),
    (400, "INVALID_TYPE", "", "unexpected_error"),
    (400, "SOMETHING_NEW", "", "unexpected_error"),
    (502, "", "", "crm_unavailable"),
]


@pytest.mark.parametrize(("status", "name", "message", "code"), ERRORS)
def test_knows_what_an_error_means(status, name, message, code):
    data = [{"errorCode": name, "message": message, "fields": []}]
    error = explain(Answer(status, data, "for staff", httpx.Headers({"X-Request-Id": "r-1"})))
    assert (error.code, error.http_status, error.correlation_id) == (code, status, "r-1")
    if code in ("record_rejected", "field_missing"):
        assert error.detail == message


def test_names_the_field_in_our_words():
    data = [{"errorCode": "STRING_TOO_LONG", "message": "too large", "fields": ["Subject"]}]
    assert explain(Answer(400, data, "", httpx.Headers())).field == "title"


@pytest.mark.parametrize("data", [None, [], {}, "x", [7], [{"errorCode": 7, "fields": 7}]])
def test_survives_any_error(data):
    assert isinstance(explain(Answer(400, data, "", httpx.Headers())), CrmError)


ANN = f"{DATA}/sobjects/Contact/Email/ann%40acme.example"
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
    assert not any(salesforce.check().capabilities.values())


def test_names_its_organization_and_what_it_can_do(salesforce):
    account = salesforce.check()
    assert (account.id, account.name) == ("00D000000000001", "Acme")
    assert account.capabilities == {"unique_key": True, "shared_activities": True}


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


@pytest.mark.parametrize("ids", [["003TWIN"], [None, "../Account", "003TWIN"]])
def test_takes_whom_a_duplicate_rule_names(crm, monkeypatch, ids):
    monkeypatch.setattr(crm, "put", lambda *_: duplicate(*ids))
    (ref,) = upsert_contacts(crm, Person("ann@acme.example", "Ann"))
    assert (ref.remote_id, ref.action) == ("003TWIN", "unchanged")


def test_makes_a_contact_whose_address_it_cannot_upsert_by(crm):
    crm.first["PATCH", ANN] = [NOT_FOUND]
    (ref,) = upsert_contacts(crm, Person("ann@acme.example", "Ann"))
    assert ref.action == "created"
    assert crm.records["Contact"][ref.remote_id]["Email"] == "ann@acme.example"


def test_takes_a_twin_of_whom_it_cannot_upsert(crm):
    crm.first["PATCH", ANN] = [NOT_FOUND]
    crm.first["POST", f"{DATA}/sobjects/Contact"] = [duplicate("003TWIN")]
    (ref,) = upsert_contacts(crm, Person("ann@acme.example", "Ann"))
    assert (ref.remote_id, ref.action) == ("003TWIN", "unchanged")


@pytest.mark.parametrize("status", [None, "200", True, 99, 600])
def test_takes_no_part_without_a_status(crm, status):
    parts = [{"httpStatusCode": status, "body": {"records": []}}] * 2
    crm.first["POST", f"{DATA}/composite"] = [(200, {"compositeResponse": parts})]
    with pytest.raises(CrmError, match="without a status"):
        upsert_contacts(crm, Person("ann@acme.example", "Ann"))


def test_keeps_the_limits_beside_the_reason_of_a_part(crm, monkeypatch):
    invalid = {"errorCode": "INVALID_EMAIL_ADDRESS", "message": "invalid", "fields": ["Email"]}
    monkeypatch.setattr(crm, "put", lambda *_: (400, [invalid]))
    with pytest.raises(CrmError) as refused:
        upsert_contacts(crm, Person("ann@acme.example", "Ann"))
    assert (refused.value.code, refused.value.field) == ("record_rejected", "e-mail address")
    assert "sforce-limit-info: api-usage=18/5000" in refused.value.message


def test_survives_any_address(crm):
    email = "o'neil\\@acme.example"
    (ref,) = upsert_contacts(crm, Person(email, "Ann"))
    assert ref.action == "created"
    (again,) = upsert_contacts(crm, Person(email, "Ann"))
    assert (again.remote_id, again.action) == (ref.remote_id, "unchanged")


def test_gives_its_key_to_a_meeting_that_is_older_than_the_field(crm, salesforce, content):
    old = salesforce.upsert_meeting(content, [], {}).remote_id
    salesforce.can["unique_key"] = True
    assert salesforce.upsert_meeting(content, [], {str(content.key): old}).remote_id == old
    assert crm.records["Event"][old]["Syncsite_Key__c"] == str(content.key)


def test_finds_a_meeting_of_any_attendee_that_was_moved(crm, salesforce, content):
    ann, bob = contact(crm, "ann"), contact(crm, "bob")
    old = salesforce.upsert_meeting(content, [bob], {}).remote_id
    crm.records["Event"][old]["StartDateTime"] = "2026-05-05T12:00:00Z"
    assert salesforce.upsert_meeting(content, [ann, bob], {}).remote_id == old


def test_finds_a_meeting_below_which_somebody_wrote(crm, salesforce, content):
    old = salesforce.upsert_meeting(content, [], {}).remote_id
    crm.records["Event"][old]["Description"] += "\r\nCall them back."
    assert salesforce.upsert_meeting(content, [], {}).remote_id == old


def test_names_one_attendee_where_activities_are_not_shared_any_more(crm, salesforce, content):
    salesforce.can["shared_activities"] = True
    crm.fields.remove("EventWhoIds")
    people = [contact(crm, "ann"), contact(crm, "bob")]
    ref = salesforce.upsert_meeting(content, people, {})
    *_, link = salesforce.add_notes(ref, content, people)
    assert (link.kind, link.remark) == ("link", "not with every attendee")
    assert crm.records["Event"][ref.remote_id]["WhoId"] == people[0].remote_id


def test_leaves_nobody_out_because_another_is_gone(crm, salesforce, content):
    salesforce.can["shared_activities"] = True
    people = [contact(crm, "ann"), Ref("contact", "bob@acme.example", "003GONE", "unchanged")]
    ref = salesforce.upsert_meeting(content, [], {})
    with pytest.raises(CrmError):
        salesforce.add_notes(ref, content, people)


def test_reads_only_so_many_pages(crm, salesforce, content):
    page = {"records": [], "nextRecordsUrl": f"{DATA}/query"}
    crm.first["GET", f"{DATA}/query"] = [(200, page)] * 30
    with pytest.raises(CrmError, match="Too many pages"):
        salesforce.upsert_meeting(content, [], {})
