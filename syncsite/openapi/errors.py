"""The errors that every endpoint may return, their codes as enums, and an example of each."""

import re
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
# By code, as the service says it in English.
REFUSALS = {
    "authentication_failed": "Incorrect authentication credentials.",
    "bad_authorization_header": "Authorization header must contain two space-delimited values",
    "bad_request": "Bad request.",
    "body_timeout": "The request body did not arrive in time.",
    "body_too_large": "The request body is larger than this service accepts.",
    "connecting_refused": "HubSpot does not let us in. Your sign-in was rejected or has expired. "
    "Nothing was stored, and what was connected before stays connected. "
    "Connect HubSpot again with valid credentials.",
    "error": "A server error occurred.",
    "idempotency_key_in_use": "The first request with this Idempotency-Key is still at work.",
    "idempotency_key_reused": "This Idempotency-Key belongs to another request.",
    "invalid": "This field is required.",
    "logged_out": "You have logged out.",
    "method_not_allowed": 'Method "PUT" not allowed.',
    "no_active_account": "No active account found with the given credentials",
    "no_streams": "No stream can be opened here now. Poll /syncs instead.",
    "not_acceptable": "Could not satisfy the request Accept header.",
    "not_authenticated": "Authentication credentials were not provided.",
    "not_before": "HubSpot wants no requests now. Try again at 14:05.",
    "not_connected": "Connect a CRM first.",
    "not_found": "Not found.",
    "nothing_to_cancel": "No sync of this meeting is under way.",
    "outdated": "The meeting was changed meanwhile. Read it again, then repeat the change.",
    "parse_error": "This is not valid JSON.",
    "password_changed": "The user's password has been changed.",
    "sign_in_refused": "HubSpot refused the sign-in. The user denied access.",
    "throttled": "Request was throttled. Expected available in 23 seconds.",
    "token_not_valid": "Given token not valid for any token type",
    "too_many_meetings": "You have as many meetings as this service keeps. Delete some first.",
    "unavailable": "The database does not answer. Try again in a moment.",
    "unsupported_media_type": 'Unsupported media type "text/plain" in request.',
    "user_inactive": "This user is not active.",
    "user_not_found": "There is no such user.",
}
PROBLEMS = [
    *("blank", "date", "does_not_exist", "duplicate", "empty", "incorrect_type", "invalid"),
    *("invalid_choice", "invalid_image", "make_aware", "max_length", "max_string_length"),
    *("max_value", "min_length", "min_value", "no_offset", "not_a_dict", "not_a_list", "null"),
    *("null_characters_not_allowed", "overflow", "password_too_short", "repeated", "required"),
    *("surrogate_characters_not_allowed", "unique", "unknown"),
]
REFUSED = {
    "code": "connection_expired",
    "category": "reconnect",
    "title": "HubSpot does not let us in",
    "message": "Your sign-in was rejected or has expired. Nothing was stored, and what was "
    "connected before stays connected.",
    "remedy": "Connect HubSpot again with valid credentials.",
    "who": "you",
    "field": "credentials.token",
    "retryable": False,
    "help_url": "https://api.example.com/help/connection_expired?crm=hubspot&language=en",
    "reference": "",
}
REFUSAL: Schema = {
    "type": "object",
    "properties": {
        "detail": {"type": "string"},
        "code": {"$ref": "#/components/schemas/RefusalCode"},
        "error": {
            "allOf": [{"$ref": "#/components/schemas/Error"}],
            "description": "Where a CRM refused.",
        },
    },
    "required": ["detail", "code"],
}
PROBLEM: Schema = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "example": "attendees[1].email"},
        "code": {"$ref": "#/components/schemas/ProblemCode"},
        "message": {"type": "string"},
    },
    "required": ["path", "code", "message"],
}
INVALID: Schema = {
    "description": "By field what is wrong with it, and in `errors` all of it with paths.",
    "type": "object",
    "properties": {
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": ["invalid"]},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}},
    },
    "required": ["detail", "code", "errors"],
    "additionalProperties": {},
}
COMPONENTS: Schema = {
    "Refusal": REFUSAL,
    "RefusalCode": {"type": "string", "enum": [*REFUSALS]},
    "Invalid": INVALID,
    "Problem": PROBLEM,
    "ProblemCode": {"type": "string", "enum": PROBLEMS},
}
RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
HEADERS = {
    "401": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    "409": RETRY_AFTER,
    "429": RETRY_AFTER,
    "503": RETRY_AFTER,
}
# A code in backticks is one that the answer may have.
TEXTS = {
    "400": "The input is not valid.",
    "401": "`not_authenticated`, `token_not_valid` (it has expired, say), `password_changed`, "
    "`logged_out`, `user_inactive`: sign in again.",
    "404": "`not_found`: there is no such thing or page, or it is somebody else's.",
    "408": "`body_timeout`: the body did not arrive within ten seconds.",
    "409": "`idempotency_key_in_use`: the first request with this key is still at work.",
    "412": "`outdated`: the meeting is not what If-Match expects.",
    "413": "`body_too_large`: the body is larger than this service accepts.",
    "415": "`unsupported_media_type`: the body is not JSON.",
    "422": "`idempotency_key_reused`: the Idempotency-Key belongs to another request.",
    "429": "`throttled`: too many requests in a short time. `Retry-After` says when to try again.",
    "503": "`unavailable`: the service cannot answer now. `Retry-After` says when to try again.",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 255},
    "description": "Of your choice. The same request with the same key gets the same answer for "
    "24 hours.",
}
REPLAYED = {
    "schema": {"type": "string"},
    "description": "`true` if this is the answer to an earlier request with the same key.",
}

POLLS = {  # They are not counted.
    "meetings_sync_status_retrieve",
    "meetings_last_sync_success_retrieve",
    "meetings_sync_retrieve",
    "syncs_retrieve",
    "syncs_stream_retrieve",
}


def document_errors(result: Schema, **_: Any) -> Schema:
    schemas = result["components"]["schemas"]
    assert not {*COMPONENTS} & {*schemas}, "A serializer has the name of an error."
    schemas |= COMPONENTS
    for item in result["paths"].values():
        for method, operation in item.items():
            if method == "post":
                _document_idempotency(operation)
            responses = operation["responses"]
            for status in _errors_of(operation):
                _add(responses, status)
            for status, response in responses.items():
                if status >= "400":
                    is_page = "text/html" in responses.get("200", {}).get("content", {})
                    _document_error(status, response, is_page=is_page)
    return result


def _document_idempotency(operation: Schema) -> None:
    operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    for status, response in operation["responses"].items():
        if status < "300":
            response.setdefault("headers", {})["Idempotent-Replayed"] = REPLAYED


def _errors_of(operation: Schema) -> Iterator[str]:
    yield "503"
    if operation.get("security"):
        yield "401"
    if operation.get("security") and operation["operationId"] not in POLLS:
        yield "429"
    if any(parameter is IDEMPOTENCY_KEY for parameter in operation.get("parameters", [])):
        yield from ("400", "409", "422")
    names = {parameter["name"] for parameter in operation.get("parameters", [])}
    if names & {"id", "page"}:
        yield "404"
    yield "400"  # An unknown parameter, say.
    if "requestBody" in operation:
        yield from ("400", "408", "413", "415")


def _add(responses: Schema, status: str) -> None:
    """What the view itself says of a conflict stands before what every POST may answer."""
    told = responses.setdefault(status, {"description": ""})
    if status == "409" or not told["description"]:
        told["description"] = " ".join(filter(None, [told["description"], TEXTS[status]]))


def _document_error(status: str, response: Schema, *, is_page: bool) -> None:
    refusal = {"$ref": "#/components/schemas/Refusal"}
    invalid = {"$ref": "#/components/schemas/Invalid"}
    schema = {"anyOf": [refusal, invalid]} if status == "400" else refusal
    examples = {code: {"value": _example(code)} for code in _codes_of(status, response)}
    response["content"] = {"application/json": {"schema": schema, "examples": examples}}
    if is_page:
        response["content"]["text/html"] = {"schema": {"type": "string"}}
    response.setdefault("headers", {}).update(HEADERS.get(status, {}))


def _codes_of(status: str, response: Schema) -> list[str]:
    named = re.findall(r"`(\w+)`", response["description"])
    codes = [name for name in named if name in REFUSALS]
    return [*codes, "invalid"] if status == "400" else codes


def _example(code: str) -> Schema:
    detail = REFUSALS[code]
    if code == "connecting_refused":
        told = [REFUSED["title"], REFUSED["message"], REFUSED["remedy"]]
        return {"detail": detail, "code": code, "error": REFUSED, "credentials": told}
    if code != "invalid":
        return {"detail": detail, "code": code}
    problem = {"path": "email", "code": "required", "message": detail}
    return {"email": [detail], "detail": detail, "code": code, "errors": [problem]}
