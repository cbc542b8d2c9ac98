from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from crmsync.status import sql
from crmsync.status.state import PHASES

EVERYTHING = Q(pk__isnull=False)
ORDERS = {"created_at": ("id",), "-created_at": ("-id",)}


class OrderingFilter(BaseFilterBackend):
    """By one of the times; among equals, the newest first."""

    FIELDS = ("created_at", "-created_at", "starts_at", "-starts_at")

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        wanted = request.query_params.get("ordering", "-created_at")
        if wanted not in self.FIELDS:
            text = _("Choose from {states}.").format(states=", ".join(self.FIELDS))
            raise ValidationError({"ordering": [text]})
        # Ids are given in the order of creation, and have an index.
        return queryset.order_by(*ORDERS.get(wanted, (wanted, "-id")))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        schema = {"type": "string", "enum": list(self.FIELDS), "default": "-created_at"}
        description = (
            "By one of the times, `-` for the latest first. Among equals, the newest first."
        )
        place = {"name": "ordering", "in": "query", "required": False}
        return [{**place, "schema": schema, "description": description}]


class SyncStateFilter(BaseFilterBackend):
    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        given = request.query_params.getlist("state")
        states = {state for some in given for state in some.split(",")}
        if not states:
            return queryset
        if not states <= set(PHASES):
            text = _("Choose from {states}.").format(states=", ".join(PHASES))
            raise ValidationError({"state": [text]})
        narrowed = Q()
        for state in states:
            narrowed |= sql.INDEX_PREFILTERS.get(state, EVERYTHING)
        candidates = queryset.filter(narrowed)
        return sql.annotate_state(candidates, timezone.now()).filter(state__in=states)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        schema = {"type": "array", "items": {"type": "string", "enum": list(PHASES)}}
        style = {
            "style": "form",
            "explode": False,
            "description": "States of the sync, separated by commas or given several times.",
        }
        return [{"name": "state", "in": "query", "required": False, "schema": schema, **style}]
