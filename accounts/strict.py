"""Refuses what a request names and this service does not know, instead of ignoring it."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ErrorDetail, ValidationError

UNKNOWN_FIELD = _("There is no such field.")


# A docstring would become that of every schema. For serializers. Read-only fields are known: a
# client may send back what it got.
class KnownFieldsOnly:
    fields: Any
    ignored: frozenset[str] = frozenset()  # What an answer has beside the fields.

    def to_internal_value(self, data: Any) -> Any:
        known = {*self.fields, *self.ignored}
        unknown = set(data) - known if isinstance(data, Mapping) else set()
        problems = {name: [ErrorDetail(str(UNKNOWN_FIELD), "unknown")] for name in sorted(unknown)}
        try:
            value = super().to_internal_value(data)  # type: ignore[misc]
        except ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            raise ValidationError({**problems, **error.detail}) from error
        if problems:
            raise ValidationError(problems)
        return value
