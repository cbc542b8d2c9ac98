"""The pages for people, which no serializer describes."""

from typing import Any

LANGUAGE = {
    "name": "language",
    "in": "query",
    "schema": {"type": "string", "enum": ["en", "de"]},
    "description": "Else that of Accept-Language.",
}
CRM = {
    "name": "crm",
    "in": "query",
    "schema": {"type": "string"},
    "description": "The provider whose menus the page names.",
}
PAGE = {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}


def document_pages(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    schemas = result["components"]["schemas"]
    of_codes = {"code": schemas["ErrorCode"]["enum"]}
    of_states = {"state": schemas["SyncState"]["enum"]}
    result["paths"] |= {
        "/app": _page("app", "The reference page: meetings, their syncs, and the connection."),
        "/app/states": _page(
            "app_states", "Every state and every error, as `seed --states` makes."
        ),
        "/help": _page("help", "Every error and every state, with a link to its page."),
        "/help/{code}": _page("help_code", "What an error means and what to do.", **of_codes),
        "/help/states/{state}": _page("help_state", "What a state of a sync means.", **of_states),
    }
    return result


def _page(operation_id: str, description: str, **names: list[str]) -> dict[str, Any]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "enum": known}}
        for name, known in names.items()
    ]
    return {
        "get": {
            "operationId": operation_id,
            "summary": description.rstrip("."),
            "description": description,
            "parameters": [
                *in_path,
                *([LANGUAGE] if operation_id != "app" else []),
                *([CRM] if "code" in names else []),
            ],
            "tags": ["pages"],
            "responses": {"200": PAGE, **({"404": PAGE} if names else {})},
        }
    }
