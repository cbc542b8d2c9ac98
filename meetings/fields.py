from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


class MomentField(serializers.DateTimeField):
    """A time with its offset: without one nobody knows when it is."""

    default_error_messages = {
        "no_offset": _("Say the offset as well, as in 2026-09-01T16:00:00+02:00.")
    }

    def enforce_timezone(self, value: datetime) -> Any:
        if value.tzinfo is None:
            self.fail("no_offset")
        return super().enforce_timezone(value)
