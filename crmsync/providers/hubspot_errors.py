"""What HubSpot's errors mean."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.utils.translation import gettext_noop

from crmsync.errors import CrmError
from crmsync.providers.http import Answer, error_of
from crmsync.providers.parsing import as_object, as_objects

KEY = "syncsite_meeting_key"

FIELDS = {
    "email": gettext_noop("e-mail address"),
    "firstname": gettext_noop("attendee’s name"),
    "lastname": gettext_noop("attendee’s name"),
    "hs_meeting_title": gettext_noop("title"),
    "hs_meeting_start_time": gettext_noop("start"),
    "hs_timestamp": gettext_noop("start"),
    "hs_meeting_end_time": gettext_noop("end"),
    "hs_meeting_location": gettext_noop("location"),
    "hs_internal_meeting_notes": gettext_noop("notes"),
}
# Maps a category, or a rate limit's `policyName`, to our code; `explain` handles the rest.
CODES = {
    "INVALID_AUTHENTICATION": "connection_expired",
    "EXPIRED_AUTHENTICATION": "connection_expired",
    "MISSING_SCOPES": "permission_missing",
    "OBJECT_NOT_FOUND": "record_deleted",
    "CONFLICT": "record_rejected",
    "RATE_LIMITS": "crm_rate_limited",
    "VALIDATION_ERROR": "record_rejected",
}
OUR_FAULT = re.compile(r"invalid input json|malformed|unable to parse", re.IGNORECASE)
KEY_IS_GONE = re.compile(rf"non-unique|{KEY}", re.IGNORECASE)
KEY_IS_TAKEN = re.compile(r"already ha(s|ve)|conflicting_unique_value", re.IGNORECASE)
REQUIRED = re.compile(r"required", re.IGNORECASE)
NAMED = re.compile(r'"name"\s*:\s*"(\w+)"|propert(?:y|ies)\s*[:"“]+\s*"?(\w+)|\b(hs_\w+)')
EXISTING = re.compile(r"already exists\. Existing ID: (\d+)")


def explain(answer: Answer) -> CrmError:
    data = as_object(answer.data)
    return error_of(answer, _code(answer.status, data), **_details(answer, data))


def explain_item(problem: Mapping[str, Any], answer: Answer) -> CrmError:
    """The error of one record in a batch."""
    code = _code(400, problem) or "unexpected_error"
    message = "\n".join([str(problem.get("message", "")), *answer.limits])
    found = problem.get("correlationId") or as_object(answer.data).get("correlationId") or ""
    return CrmError(code, message, correlation_id=str(found), **_words(problem))


def _code(status: int, data: Mapping[str, Any]) -> str:
    message = "; ".join([_message(data), *_context(data)])
    if status == 429:
        is_daily = "DAILY" in str(data.get("policyName")).upper()
        return "crm_daily_quota_used" if is_daily else "crm_rate_limited"
    if status == 477:  # The account is moving to another data centre.
        return "crm_unavailable"
    code = CODES.get(str(data.get("category")), "") if status < 500 else ""
    code = _code_of_key(status, message) or code
    if code == "record_rejected" and OUR_FAULT.search(message):
        return "unexpected_error"
    if code == "record_rejected" and REQUIRED.search(message):
        return "field_missing"
    # Only the caller knows whether the record should exist.
    return "" if code == "record_deleted" and status == 404 else code


def _code_of_key(status: int, message: str) -> str:
    if KEY in message and KEY_IS_TAKEN.search(message):
        return "record_locked"  # An earlier call of ours is still in progress.
    if status in (400, 409, 422) and KEY_IS_GONE.search(message):
        return "permission_missing"  # Connecting again recreates the property.
    return ""


def _details(answer: Answer, data: Mapping[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = {"correlation_id": str(data.get("correlationId") or "")}
    if answer.status == 429:
        details["retry_after"] = _wait(answer, data)
    return {**details, **_words(data)}


def _words(data: Mapping[str, Any]) -> dict[str, Any]:
    """HubSpot's own words about the person's data, and the field that they are about."""
    if data.get("category") == "MISSING_SCOPES":
        return {"detail": ", ".join(_context(data))[:500]}
    if data.get("category") not in ("VALIDATION_ERROR", "CONFLICT"):
        return {}
    message = _message(data)
    said = "; ".join([message, *_context(data)])
    names = _required_of(data)
    names += [name for groups in NAMED.findall(said) for name in groups if name]
    field = next((FIELDS[name] for name in [*names, *_context(data)] if name in FIELDS), "")
    return {"field": field or (names[0] if names else ""), "detail": message[:500]}


def _required_of(data: Mapping[str, Any]) -> list[str]:
    """The properties that it misses, as it lists them."""
    return [str(name) for name in _list(as_object(data.get("context")).get("properties") or [])]


def id_of_existing(error: CrmError) -> str | None:
    """The contact that has the address already, where HubSpot refused to make another."""
    found = EXISTING.search(f"{error.detail} {error.message}")
    return found[1] if found else None


def _message(data: Mapping[str, Any]) -> str:
    """The general message, and those about single properties."""
    said = [str(part.get("message") or "") for part in (data, *as_objects(data.get("errors")))]
    return "; ".join(dict.fromkeys(filter(None, said)))


def _context(data: Mapping[str, Any]) -> list[str]:
    """The subjects of the single errors: names of properties, scopes and the like."""
    parts = [data, *as_objects(data.get("errors"))]
    contexts = [as_object(part.get("context")) for part in parts]
    named = [str(name) for c in contexts for names in c.values() for name in _list(names)]
    return list(dict.fromkeys(named))


def _wait(answer: Answer, data: Mapping[str, Any]) -> float | None:
    """Seconds; HubSpot promises no Retry-After, and its interval is in milliseconds."""
    if "DAILY" in str(data.get("policyName")).upper():
        return None
    with suppress(ValueError):
        asked = float(answer.headers.get("Retry-After", ""))
        if 1 <= asked <= 600:
            return asked
    with suppress(ValueError):
        interval = float(answer.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", ""))
        return min(max(interval / 1000, 1), 600)
    return 10


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
