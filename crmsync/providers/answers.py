"""What a CRM answered, read without trust in its shape."""

from typing import Any

from crmsync.errors import CrmError


def as_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_objects(value: Any) -> list[dict[str, Any]]:
    return [as_object(item) for item in value] if isinstance(value, list) else []


def id_in(answer: Any, name: str = "id") -> str:
    """Raises CrmError where what must be there is not."""
    value = as_object(answer).get(name)
    if not isinstance(value, str | int) or not value:
        raise CrmError("unexpected_error", f"The CRM named no {name}.", outcome_unknown=True)
    return str(value)
