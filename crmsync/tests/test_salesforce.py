import httpx
import pytest

from crmsync.errors import CrmError
from crmsync.providers.base import Person, Session
from crmsync.providers.http import Answer
from crmsync.providers.salesforce import Salesforce
from crmsync.providers.salesforce_errors import explain
from crmsync.tests.stand_ins.salesforce import SalesforceStandIn

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
    (400, "DUPLICATES_DETECTED", "Use one of these records?", "record_rejected"),
    (400, "REQUIRED_FIELD_MISSING", "Required fields are missing", "field_missing"),
    (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No meetings on Sundays", "record_rejected"),
    (400, "STRING_TOO_LONG", "data value too large", "record_rejected"),
    (400, "INVALID_EMAIL_ADDRESS", "invalid", "record_rejected"),
    (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value", "record_rejected"),
    (404, "ENTITY_IS_DELETED", "entity is deleted", "record_deleted"),
    (404, "NOT_FOUND", "Provided external ID field does not exist", "permission_missing"),
    (400, "INVALID_FIELD", "No such column", "unexpected_error"),
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


@pytest.fixture
def crm(settings):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    with SalesforceStandIn() as stand_in:
        yield stand_in


def upsert_contacts(crm, *people):
    credentials = {"instance_url": crm.url, "access_token": crm.token}
    with Session(credentials) as session:
        return Salesforce(session).upsert_contacts(people, {})


def test_names_its_organization_and_what_it_can_do(crm):
    credentials = {"instance_url": crm.url, "access_token": crm.token}
    with Session(credentials) as session:
        account = Salesforce(session).check()
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


def test_takes_whom_a_duplicate_rule_names(crm, monkeypatch):
    matches = [{"matchRecords": [{"record": {"Id": "003TWIN"}}]}]
    rule = {
        "errorCode": "DUPLICATES_DETECTED",
        "message": "Use one of these records?",
        "duplicateResult": {"matchResults": matches},
    }
    monkeypatch.setattr(crm, "put", lambda *_: (400, [rule]))
    (ref,) = upsert_contacts(crm, Person("ann@acme.example", "Ann"))
    assert (ref.remote_id, ref.action) == ("003TWIN", "unchanged")


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
