"""What Salesforce's errors mean."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop

from crmsync.errors import CrmError
from crmsync.providers.http import Answer, error_of
from crmsync.providers.parsing import ID, as_object, as_objects

KEY = "Syncsite_Key__c"
CODES = {
    "REQUEST_LIMIT_EXCEEDED": "crm_daily_quota_used",
    "UNABLE_TO_LOCK_ROW": "record_locked",
    "SERVER_UNAVAILABLE": "crm_unavailable",
    "QUERY_TIMEOUT": "crm_unavailable",
    "INVALID_SESSION_ID": "connection_expired",
    "invalid_grant": "connection_expired",
    "INACTIVE_USER": "crm_user_inactive",
    "INACTIVE_OWNER_OR_USER": "crm_user_inactive",
    "API_DISABLED_FOR_ORG": "permission_missing",
    "API_CURRENTLY_DISABLED": "permission_missing",
    "DUPLICATES_DETECTED": "record_rejected",
    "REQUIRED_FIELD_MISSING": "field_missing",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "record_rejected",
    "STRING_TOO_LONG": "record_rejected",
    "INVALID_EMAIL_ADDRESS": "record_rejected",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "record_rejected",
    "FIELD_INTEGRITY_EXCEPTION": "record_rejected",
    "CANNOT_EXECUTE_FLOW_TRIGGER": "refused_by_rule",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "refused_by_rule",
    "FIELD_FILTER_VALIDATION_EXCEPTION": "refused_by_rule",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "refused_by_rule",
    "APEX_ERROR": "refused_by_rule",
    "STORAGE_LIMIT_EXCEEDED": "refused_by_rule",
    "LIMIT_EXCEEDED": "refused_by_rule",
    "TRANSFER_REQUIRES_READ": "refused_by_rule",
    "ENTITY_IS_LOCKED": "record_locked",
    "ENTITY_IS_DELETED": "record_deleted",
    "INVALID_CROSS_REFERENCE_KEY": "record_deleted",
    "MALFORMED_ID": "record_deleted",
    "PROCESSING_HALTED": "crm_unavailable",
    "REQUEST_RUNNING_TOO_LONG": "crm_unavailable",
    "UNKNOWN_EXCEPTION": "crm_unavailable",
    "INVALID_OPERATION_WITH_EXPIRED_PASSWORD": "connection_expired",
    "PASSWORD_LOCKOUT": "connection_expired",
}
FIELDS = {
    "Email": gettext_noop("e-mail address"),
    "FirstName": gettext_noop("attendee’s name"),
    "LastName": gettext_noop("attendee’s name"),
    "Subject": gettext_noop("title"),
    "StartDateTime": gettext_noop("start"),
    "EndDateTime": gettext_noop("end"),
    "Location": gettext_noop("location"),
    "Description": gettext_noop("notes"),
}
SEVERAL = gettext_noop("Several records have this address.")
KEY_IS_GONE = [("NOT_FOUND", "external ID field"), ("INVALID_FIELD", KEY)]
SHORT_LIMIT = "ConcurrentRequests"
SHORT_WAIT_SECONDS = 5  # Seconds.
DATA_CODES = {"record_rejected", "field_missing", "refused_by_rule"}
LOCKED = "UNABLE_TO_LOCK_ROW"  # Triggers quote it within an error of their own.
NO_SUCH_OBJECT = "INVALID_TYPE"


def explain(answer: Answer) -> CrmError:
    """Explains a whole answer or one part of a composite."""
    error = _first_of(answer.data)
    correlation_id = answer.headers.get("X-Request-Id", "")
    if answer.status == 300:
        code, details = "record_rejected", {"field": FIELDS["Email"], "detail": SEVERAL}
    else:
        code, details = _code(error), _words(error)
    return error_of(answer, code, correlation_id=correlation_id, **details)


def duplicates_of(body: Any) -> list[str]:
    """The ids of the records that a duplicate rule considers the same person."""
    error = _first_of(body)
    if error.get("errorCode") != "DUPLICATES_DETECTED":
        return []
    rows = [
        as_object(found.get("record")).get("Id")
        for match in as_objects(as_object(error.get("duplicateResult")).get("matchResults"))
        for found in as_objects(match.get("matchRecords"))
    ]
    return [row for row in rows if isinstance(row, str) and ID.fullmatch(row)]


def has_no_access(answer: Answer) -> bool:
    """Whether the object of a query does not exist for this user."""
    return _first_of(answer.data).get("errorCode") == NO_SUCH_OBJECT


def _first_of(data: Any) -> dict[str, Any]:
    errors = [as_object(error) for error in (data if isinstance(data, list) else [data])]
    return next((e for e in errors if e.get("errorCode") or e.get("error")), {})


def _code(error: Mapping[str, Any]) -> str:
    name = str(error.get("errorCode") or error.get("error"))
    said = str(error.get("message"))
    if name == "REQUEST_LIMIT_EXCEEDED" and SHORT_LIMIT in said:
        return "crm_rate_limited"
    if LOCKED in said:
        return "record_locked"
    if any(name == code and words in said for code, words in KEY_IS_GONE):
        return "permission_missing"  # Connecting again falls back to another key.
    if name.startswith("INSUFFICIENT_ACCESS"):
        return "permission_missing"
    return CODES.get(name, "")


def _words(error: Mapping[str, Any]) -> dict[str, Any]:
    code = _code(error)
    if code == "crm_rate_limited":
        return {"retry_after": SHORT_WAIT_SECONDS}
    if code not in DATA_CODES:
        return {}
    fields = error.get("fields")
    field = str(fields[0]) if isinstance(fields, list) and fields else ""
    return {"field": FIELDS.get(field, field), "detail": _one_line(error)}


def _one_line(error: Mapping[str, Any]) -> str:
    """Flows and triggers answer with whole reports."""
    return " ".join(str(error.get("message", "")).split())[:500]
