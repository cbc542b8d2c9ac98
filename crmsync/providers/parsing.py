"""Reads CRM answers without trusting their shape."""

import re
from typing import Any

from crmsync.errors import CrmError

ID = re.compile(r"[\w:-][\w.:-]{0,254}", re.ASCII)


def as_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_objects(value: Any) -> list[dict[str, Any]]:
    return [as_object(item) for item in value] if isinstance(value, list) else []


def require_id(answer: Any, name: str = "id") -> str:
    """An id that is safe in a column and in a URL. Raises CrmError if there is none."""
    value = as_object(answer).get(name)
    if not ID.fullmatch(str(value) if isinstance(value, str | int) else ""):
        raise CrmError("unexpected_error", f"The CRM named no {name}.", outcome_unknown=True)
    return str(value)
