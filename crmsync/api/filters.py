from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from crmsync.status import sql
from crmsync.status.state import PHASES


class SyncStateFilter(BaseFilterBackend):
    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        state = request.query_params.get("state")
        if state is None:
            return queryset
        if state not in PHASES:
            text = _("Choose one of {states}.").format(states=", ".join(PHASES))
            raise ValidationError({"state": [text]})
        candidates = queryset.filter(sql.INDEX_PREFILTERS.get(state, Q()))
        return sql.annotate_state(candidates, timezone.now()).filter(state=state)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        schema = {"type": "string", "enum": list(PHASES)}
        return [{"name": "state", "in": "query", "required": False, "schema": schema}]
