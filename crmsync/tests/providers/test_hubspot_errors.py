"""What HubSpot's errors mean."""

import httpx
import pytest

from crmsync.errors import CrmError
from crmsync.providers.http import Answer
from crmsync.providers.hubspot_errors import KEY, explain, explain_item

TEN_SECONDS = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
DAILY = {"errorType": "RATE_LIMIT", "policyName": "DAILY"}
SCOPES = [{"context": {"requiredGranularScopes": ["crm.objects.contacts.write"]}}]
MANY_SCOPES = [{"context": {"requiredGranularScopes": [f"scope-{n}" for n in range(100)]}}]
NO_ADDRESS = [{"message": "No address.", "context": {"propertyName": ["email"]}}]
NO_KEY = [{"message": "No such property.", "context": {"propertyName": [KEY]}}]
KEY_TAKEN = f"Cannot set {KEY}=7 on 101. 102 already has that value."
NO_EMAIL = 'Property values were not valid: [{"name":"email","message":"bob@@x"}]'
NOT_SET = "Error creating CONTACT. Some required properties were not set."
LEAD_SOURCE = {"properties": ["lead_source"]}
ERRORS = [
    (401, {"category": "INVALID_AUTHENTICATION"}, "connection_expired", {}),
    (401, {"category": "EXPIRED_AUTHENTICATION"}, "connection_expired", {}),
    (403, {"category": "MISSING_SCOPES", "errors": SCOPES}, "permission_missing",
     {"detail": "crm.objects.contacts.write"}),
    (403, {"category": "MISSING_SCOPES", "errors": MANY_SCOPES}, "permission_missing",
     {"detail": ", ".join(f"scope-{n}" for n in range(100))[:500]}),
    (403, {}, "permission_missing", {}),
    (429, TEN_SECONDS, "crm_rate_limited", {"retry_after": 10}),
    (429, DAILY, "crm_daily_quota_used", {"retry_after": None}),
    (400, {"category": "VALIDATION_ERROR", "message": NO_EMAIL}, "record_rejected",
     {"field": "e-mail address", "detail": NO_EMAIL}),
    (400, {"category": "VALIDATION_ERROR", "message": 'Property "hs_meeting_outcome" is required'},
     "field_missing", {"field": "hs_meeting_outcome"}),
    (400, {"category": "VALIDATION_ERROR", "message": "Invalid input JSON on line 1"},
     "unexpected_error", {}),
    (400, {"category": "VALIDATION_ERROR", "message": "upsert by non-unique 0-47 property"},
     "permission_missing", {}),
    (400, {"category": "VALIDATION_ERROR", "message": "Invalid.", "errors": NO_ADDRESS},
     "record_rejected", {"field": "e-mail address", "detail": "Invalid.; No address."}),
    (400, {"category": "VALIDATION_ERROR", "errors": NO_KEY}, "permission_missing", {}),
    (400, {"category": "VALIDATION_ERROR", "message": KEY_TAKEN}, "record_locked", {}),
    (409, {"category": "CONFLICT", "message": "Contact already exists."}, "record_rejected", {}),
    (400, {"category": "VALIDATION_ERROR", "message": NOT_SET, "context": LEAD_SOURCE},
     "field_missing", {"field": "lead_source", "detail": NOT_SET}),
    (403, None, "crm_unavailable", {}),
    (404, {"category": "OBJECT_NOT_FOUND"}, "unexpected_error", {}),
    (418, {"category": "NEW_ONE"}, "unexpected_error", {}),
    (423, {}, "record_locked", {}),
    (477, {}, "crm_unavailable", {}),
    (500, {}, "crm_unavailable", {}),
    (502, None, "crm_unavailable", {}),
    (524, None, "crm_unavailable", {}),
]  # fmt: skip


@pytest.mark.parametrize(("status", "data", "code", "values"), ERRORS)
def test_knows_what_an_error_means(status, data, code, values):
    error = explain(Answer(status, data, "text for staff", httpx.Headers()))
    assert (error.code, error.http_status, error.message) == (code, status, "text for staff")
    assert {name: getattr(error, name) for name in values} == values


@pytest.mark.parametrize(
    ("header", "text", "seconds"),
    [
        ("Retry-After", "7", 7),
        ("Retry-After", "99999", 10),
        ("X-HubSpot-RateLimit-Interval-Milliseconds", "10000", 10),
        ("X-HubSpot-RateLimit-Interval-Milliseconds", "2000", 2),
        ("X-HubSpot-RateLimit-Interval-Milliseconds", "soon", 10),
    ],
)
def test_knows_how_long_to_wait(header, text, seconds):
    headers = httpx.Headers({header: text})
    assert explain(Answer(429, TEN_SECONDS, "", headers)).retry_after == seconds


def test_keeps_the_correlation_id():
    data = {"category": "VALIDATION_ERROR", "correlationId": "c-1"}
    assert explain(Answer(400, data, "", httpx.Headers())).correlation_id == "c-1"


def test_keeps_what_belongs_to_a_record_that_failed_among_others():
    whole = Answer(207, {"correlationId": "c-1"}, "", httpx.Headers({"X-RateLimit-Left": "3"}))
    problem = {"category": "VALIDATION_ERROR", "message": NO_EMAIL}
    error = explain_item(problem, whole)
    assert (error.code, error.field) == ("record_rejected", "e-mail address")
    assert (error.correlation_id, error.message) == ("c-1", f"{NO_EMAIL}\nx-ratelimit-left: 3")


@pytest.mark.parametrize(
    "data", [[], "text", 7, {"errors": "x"}, {"message": {}}, {"category": []}]
)
def test_survives_any_error(data):
    for status in (400, 403, 429, 500):
        assert isinstance(explain(Answer(status, data, "", httpx.Headers())), CrmError)
