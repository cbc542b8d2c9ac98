"""What Salesforce's errors mean."""

import httpx
import pytest

from crmsync.errors import CrmError
from crmsync.providers.http import Answer
from crmsync.providers.salesforce_errors import CODES, explain

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
    (400, "CANNOT_EXECUTE_FLOW_TRIGGER", "The flow needs an account.", "refused_by_rule"),
    (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "AfterInsert: no", "refused_by_rule"),
    (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"x: UNABLE_TO_LOCK_ROW, {LOCKED}",
     "record_locked"),
    (400, "FIELD_INTEGRITY_EXCEPTION", "Event duration cannot exceed 14 days", "record_rejected"),
    (400, "FIELD_FILTER_VALIDATION_EXCEPTION", "Filtered.", "refused_by_rule"),
    (400, "INVALID_FIELD_FOR_INSERT_UPDATE", "Check the field's security.", "refused_by_rule"),
    (400, "APEX_ERROR", "System.LimitException", "refused_by_rule"),
    (400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", "refused_by_rule"),
    (400, "LIMIT_EXCEEDED", "You have reached a limit.", "refused_by_rule"),
    (400, "TRANSFER_REQUIRES_READ", "The new owner must have read.", "refused_by_rule"),
    (400, "ENTITY_IS_LOCKED", "entity is locked for editing", "record_locked"),
    (400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", "record_deleted"),
    (400, "MALFORMED_ID", "bad id", "record_deleted"),
    (400, "PROCESSING_HALTED", "", "crm_unavailable"),
    (400, "REQUEST_RUNNING_TOO_LONG", "", "crm_unavailable"),
    (500, "UNKNOWN_EXCEPTION", "", "crm_unavailable"),
    (403, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "", "connection_expired"),
    (403, "PASSWORD_LOCKOUT", "", "connection_expired"),
    (502, "", "", "crm_unavailable"),
]  # fmt: skip


def test_has_a_case_for_every_row_of_the_table():
    assert set(CODES) <= {name for _, name, _, _ in ERRORS} | {
        "invalid_grant",
        "INACTIVE_OWNER_OR_USER",
    }


def test_quotes_a_report_of_many_lines_on_one():
    data = [{"errorCode": "CANNOT_EXECUTE_FLOW_TRIGGER", "message": "The flow\n  said\tno."}]
    assert explain(Answer(400, data, "", httpx.Headers())).detail == "The flow said no."


@pytest.mark.parametrize(("status", "name", "message", "code"), ERRORS)
def test_knows_what_an_error_means(status, name, message, code):
    data = [{"errorCode": name, "message": message, "fields": []}]
    error = explain(Answer(status, data, "for staff", httpx.Headers({"X-Request-Id": "r-1"})))
    assert (error.code, error.http_status, error.correlation_id) == (code, status, "r-1")
    if code in ("record_rejected", "field_missing", "refused_by_rule"):
        assert error.detail == message


def test_names_the_field_in_our_words():
    data = [{"errorCode": "STRING_TOO_LONG", "message": "too large", "fields": ["Subject"]}]
    assert explain(Answer(400, data, "", httpx.Headers())).field == "title"


@pytest.mark.parametrize("data", [None, [], {}, "x", [7], [{"errorCode": 7, "fields": 7}]])
def test_survives_any_error(data):
    assert isinstance(explain(Answer(400, data, "", httpx.Headers())), CrmError)
