"""`?state=`: what state.py says of one meeting, said to the database of many."""

from collections.abc import Mapping, Sequence
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


RUN_FIELDS = {
    "status": "status",
    "wait_reason": "wait_reason",
    "due_at": "due_at",
    "connection_state": "connection__state",
    "not_before": "connection__not_before",
}


def with_state(meetings: QuerySet[Meeting], now: datetime) -> QuerySet[Any]:
    """Annotates `state`; a test holds it against state_of()."""
    latest = SyncRun.objects.latest_of(OuterRef("pk"))
    own = Connection.objects.filter(user=OuterRef("user")).exclude(
        state=Connection.State.DISCONNECTED
    )
    run = {f"run_{name}": path for name, path in RUN_FIELDS.items()} | {
        "run_started_at": "started_at",
        "run_created_at": "created_at",
        "run_account_since": "connection__account_since",
    }
    of_former_account = ~Q(run_status__in=SyncRun.ACTIVE) & Q(
        run_created_at__lt=F("run_account_since")
    )
    cases = [
        *_active_cases({name: f"run_{name}" for name in RUN_FIELDS}, now),
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
    ).annotate(state=_first_that_holds(cases, "not_connected"))


def active_with_state(now: datetime) -> QuerySet[Any]:
    """Active runs, annotated with `state`."""
    cases = _active_cases(RUN_FIELDS, now)
    return SyncRun.objects.active().annotate(state=_first_that_holds(cases, "queued"))


def _active_cases(names: Mapping[str, str], now: datetime) -> list[tuple[str, Q]]:
    """`names` says under which names the fields of the run are found."""

    def field(**values: Any) -> Q:
        return Q(**{names[name]: value for name, value in values.items()})

    active = Q(**{f"{names['status']}__in": SyncRun.ACTIVE})
    stopped = Q(**{f"{names['not_before']}__gt": now})
    due = Q(**{f"{names['due_at']}__lte": now})
    return [
        ("paused", active & ~field(connection_state=Connection.State.CONNECTED)),
        ("syncing", field(status=Status.RUNNING) & ~(stopped & due)),
        ("retrying", field(status=Status.RETRYING)),
        ("waiting", active & (stopped | ~field(wait_reason=""))),
        ("queued", active),
    ]


def _first_that_holds(cases: Sequence[tuple[str, Q]], otherwise: str) -> Case:
    whens = (When(condition, then=Value(state)) for state, condition in cases)
    return Case(*whens, default=Value(otherwise))
