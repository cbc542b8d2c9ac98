from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.contrib import admin
from django.db.models import Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.timesince import timesince

from crmsync.admin.base import (
    SEARCH_HELP,
    BoundedPaginator,
    LinkedFilter,
    ProviderFilter,
    ReadOnlyAdmin,
    format_moment,
    meetings_matching,
)
from crmsync.admin.bulk_actions import confirm, may
from crmsync.errors import CATALOGUE
from crmsync.models import ActionResult, SupportAction, SyncRun, SyncRunQuerySet
from crmsync.status.error_messages import crm_name, describe_error
from crmsync.status.sql import active_runs_with_state
from crmsync.support import case_file
from crmsync.support.badges import badge_of_run
from crmsync.support.incident_messages import cause_title
from meetings.models import SyncStep

Kind = SupportAction.Kind
ENDED = {
    "synced": SyncRun.Status.SUCCEEDED,
    "failed": SyncRun.Status.FAILED,
    "canceled": SyncRun.Status.CANCELED,
}
FITTING: dict[str, tuple[str, ...]] = {
    SyncRun.Status.QUEUED: ("cancel",),
    SyncRun.Status.RUNNING: ("cancel",),
    SyncRun.Status.RETRYING: ("retry", "cancel"),
    SyncRun.Status.FAILED: ("requeue", "restart"),
    SyncRun.Status.CANCELED: ("requeue", "restart"),
    SyncRun.Status.SUCCEEDED: ("restart",),
}


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = ["queued", "waiting", "syncing", "removing", "retrying", "paused", *ENDED]
        return [(state, state.capitalize()) for state in states]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SyncRun]) -> QuerySet[SyncRun]:
        state = self.value()
        if not state:
            return queryset
        if state in ENDED:
            return queryset.filter(status=ENDED[state])
        active = active_runs_with_state(timezone.now()).filter(state=state)
        return queryset.filter(pk__in=active.values("pk"))


class ErrorFilter(admin.SimpleListFilter):
    title = "error"
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, cause_title(code)) for code in CATALOGUE]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SyncRun]) -> QuerySet[SyncRun]:
        code = self.value()
        return cast(SyncRunQuerySet, queryset).with_cause(code) if code else queryset


class AgeFilter(admin.SimpleListFilter):
    """By the end of what has ended, by the beginning of all else. Also takes a moment."""

    title = "when"
    parameter_name = "age"
    AGES = {
        "hour": ("In the last hour", timedelta(hours=1)),
        "day": ("In the last day", timedelta(days=1)),
        "week": ("In the last week", timedelta(weeks=1)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        choices = [(name, label) for name, (label, _) in self.AGES.items()]
        asked = request.GET.get("age", "")
        moment = _moment(asked)
        if moment is None:
            return choices
        return [(asked, f"Since {moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"), *choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SyncRun]) -> QuerySet[SyncRun]:
        asked = self.value() or ""
        since = timezone.now() - self.AGES[asked][1] if asked in self.AGES else _moment(asked)
        if since is None:
            return queryset
        has_ended = request.GET.get(StateFilter.parameter_name) in ENDED
        return queryset.filter(**{f"{'finished_at' if has_ended else 'created_at'}__gte": since})


class ActionFilter(LinkedFilter):
    title = "support action"
    parameter_name = "action_of_staff"
    words = "Of support action"

    def condition(self, pk: int) -> Q:
        return Q(meeting__in=ActionResult.objects.filter(action=pk).values("target"))


class CustomerFilter(LinkedFilter):
    title = "customer"
    parameter_name = "customer"
    words = "Of customer"

    def condition(self, pk: int) -> Q:
        return Q(meeting__user=pk)


def _moment(text: str) -> datetime | None:
    """A moment of ISO 8601 with an offset; None if it is not one."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnlyAdmin):
    list_display = [
        "reference",
        "state",
        "customer",
        "meeting",
        "crm",
        "at_step",
        "attempts",
        "error",
        "requested",
        "next_attempt",
    ]
    list_filter = [
        StateFilter,
        ErrorFilter,
        ProviderFilter,
        AgeFilter,
        ActionFilter,
        CustomerFilter,
    ]
    list_select_related = ["meeting__user", "connection"]
    search_fields = ["reference"]
    search_help_text = f"A reference; {SEARCH_HELP}"
    sortable_by = ()  # Sorting by anything but age would sort a million rows.
    actions = ["retry", "requeue", "restart", "cancel"]
    change_form_template = "crmsync/admin/case.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if term.upper().startswith("SY-"):
            return queryset.filter(reference=term.upper()), False
        return (queryset.filter(meeting__in=meetings_matching(term)) if term else queryset), False

    def customer(self, run: SyncRun) -> str:
        return run.meeting.user.email

    @admin.display(description="CRM")
    def crm(self, run: SyncRun) -> str:
        return crm_name(run.crm)

    def state(self, run: SyncRun) -> str:
        return badge_of_run(run, timezone.now())

    @admin.display(description="step")
    def at_step(self, run: SyncRun) -> str:
        return "removal" if run.removes else f"{run.step}/{len(SyncStep)}"

    @admin.display(description="tries")
    def attempts(self, run: SyncRun) -> int:
        return run.attempt

    def error(self, run: SyncRun) -> str:
        return describe_error(run, run.error_code)["title"] if run.error_code else "–"

    def requested(self, run: SyncRun) -> str:
        return f"{timesince(run.created_at, depth=1)} ago"

    @admin.display(description="next try (UTC)")
    def next_attempt(self, run: SyncRun) -> str:
        return format_moment(_planned(run)) if run.status == SyncRun.Status.RETRYING else "–"

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return may(request, Kind.REQUEUE)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return may(request, Kind.CANCEL)

    @admin.action(description="Retry now …", permissions=["requeue"])
    def retry(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> HttpResponse:
        return confirm(request, Kind.RETRY, _meetings_of(runs))

    @admin.action(description="Re-queue where it failed …", permissions=["requeue"])
    def requeue(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> HttpResponse:
        return confirm(request, Kind.REQUEUE, _meetings_of(runs))

    @admin.action(description="Re-queue from the start …", permissions=["requeue"])
    def restart(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> HttpResponse:
        return confirm(request, Kind.RESTART, _meetings_of(runs))

    @admin.action(description="Cancel …", permissions=["cancel"])
    def cancel(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> HttpResponse:
        return confirm(request, Kind.CANCEL, _meetings_of(runs))

    def page_context(self, request: HttpRequest, shown: SyncRun) -> dict[str, Any]:
        now = timezone.now()
        return {
            "title": f"Sync {shown}",
            "subtitle": None,
            "now": now,
            "crm": crm_name(shown.crm),
            "case": case_file.build(shown, now),
            "actions": self.fitting_actions(request, FITTING[shown.status]),
        }


def _planned(run: SyncRun) -> datetime:
    return max(run.due_at, run.connection.not_before or run.due_at)


def _meetings_of(runs: QuerySet[SyncRun]) -> QuerySet[Any]:
    """The latest first, each once however many of its syncs are in the list."""
    each = runs.order_by().values("meeting").annotate(latest=Max("pk")).order_by("-latest")
    return each.values_list("meeting", flat=True)[: BoundedPaginator.MAX_COUNT + 1]
