"""`?state=`: what state.py says of one meeting, said to the database of many."""

from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from crmsync.models import Connection, SyncRun
from crmsync.state import PHASES
from meetings.models import Meeting

Status = SyncRun.Status


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
        return with_state(queryset, timezone.now()).filter(state=state)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        schema = {"type": "string", "enum": list(PHASES)}
        return [{"name": "state", "in": "query", "required": False, "schema": schema}]


def with_state(meetings: QuerySet[Meeting], now: datetime) -> QuerySet[Any]:
    """Annotates `state`; a test holds it against state_of()."""
    latest = SyncRun.objects.latest_of(OuterRef("pk"))
    own = Connection.objects.filter(user=OuterRef("user")).exclude(
        state=Connection.State.DISCONNECTED
    )
    run = {
        "run_status": "status",
        "run_started_at": "started_at",
        "run_wait_reason": "wait_reason",
        "run_connection_state": "connection__state",
        "run_not_before": "connection__not_before",
        "run_due_at": "due_at",
        "run_created_at": "created_at",
        "run_account_since": "connection__account_since",
    }
    active = Q(run_status__in=SyncRun.ACTIVE)
    asked_to_wait = Q(run_not_before__gt=now) | ~Q(run_wait_reason="")
    kept_from_its_next_step = Q(run_not_before__gt=now, run_due_at__lte=now)
    of_former_account = ~active & Q(run_created_at__lt=F("run_account_since"))
    cases = [
        ("paused", active & ~Q(run_connection_state=Connection.State.CONNECTED)),
        ("syncing", Q(run_status=Status.RUNNING) & ~kept_from_its_next_step),
        ("retrying", Q(run_status=Status.RETRYING)),
        ("waiting", active & asked_to_wait),
        ("queued", active),
        # Not "failed" or "synced": that was in another account.
        ("never_synced", of_former_account & Q(Exists(own))),
        ("not_connected", of_former_account),
        ("failed", Q(run_status=Status.FAILED)),
        ("canceled", Q(run_status=Status.CANCELED)),
        ("out_of_date", Q(updated_at__gt=F("run_started_at"))),
        ("synced", Q(run_status=Status.SUCCEEDED) | Q(last_sync_success=True)),
        ("never_synced", Q(Exists(own))),
    ]
    return meetings.alias(
        **{name: Subquery(latest.values(field)[:1]) for name, field in run.items()}
    ).annotate(
        state=Case(
            *(When(condition, then=Value(state)) for state, condition in cases),
            default=Value("not_connected"),
        )
    )
