"""Adds the errors that every endpoint may return to the schema."""

from collections.abc import Iterator
from typing import Any

REFUSAL = {
    "type": "object",
    "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
    "required": ["detail", "code"],
}
INVALID = {
    "description": "By field what is wrong with it, and in `errors` all of it with paths.",
    "type": "object",
    "properties": {
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "string", "example": "attendees[1].email"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["path", "code", "message"],
            },
        },
    },
    "required": ["detail", "code", "errors"],
    "additionalProperties": {},
}
RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
HEADERS = {
    "401": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    "409": RETRY_AFTER,
    "429": RETRY_AFTER,
    "503": RETRY_AFTER,
}
TEXTS = {
    "400": "The input is not valid.",
    "401": "The token is missing, expired or revoked.",
    "404": "There is no such thing or page, or it is somebody else's.",
    "408": "The body did not arrive within ten seconds.",
    "409": "`idempotency_key_in_use`: the first request with this key is still at work.",
    "412": "`outdated`: the meeting is not what If-Match expects.",
    "413": "The body is larger than this service accepts.",
    "415": "The body is not JSON.",
    "422": "`idempotency_key_reused`: the Idempotency-Key belongs to another request.",
    "429": "Too many requests in a short time. `Retry-After` says when to try again.",
    "503": "The service cannot answer now. `Retry-After` says when to try again.",
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
}


def document_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular."""
    schemas = result["components"]["schemas"]
    assert not {"Refusal", "Invalid"} & set(schemas), "A serializer has the name of an error."
    schemas |= {"Refusal": REFUSAL, "Invalid": INVALID}
    for item in result["paths"].values():
        for method, operation in item.items():
            responses = operation["responses"]
            if method == "post":
                _document_idempotency(operation)
            for status in _errors_of(operation):
                responses.setdefault(status, {"description": TEXTS[status]})
            for status, response in responses.items():
                if status >= "400":
                    response["content"] = {"application/json": {"schema": _body(status)}}
                    if "text/html" in responses.get("200", {}).get("content", {}):
                        response["content"]["text/html"] = {"schema": {"type": "string"}}
                    response.setdefault("headers", {}).update(HEADERS.get(status, {}))
    return result


def _document_idempotency(operation: dict[str, Any]) -> None:
    operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    for status, response in operation["responses"].items():
        if status < "300":
            response.setdefault("headers", {})["Idempotent-Replayed"] = REPLAYED


def _errors_of(operation: dict[str, Any]) -> Iterator[str]:
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
    if names & {"state", "provider", "tz"}:
        yield "400"
    if "requestBody" in operation:
        yield from ("400", "408", "413", "415")


def _body(status: str) -> dict[str, Any]:
    refusal = {"$ref": "#/components/schemas/Refusal"}
    invalid = {"$ref": "#/components/schemas/Invalid"}
    return {"anyOf": [refusal, invalid]} if status == "400" else refusal
