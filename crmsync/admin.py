from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from crmsync import lifecycle
from crmsync.errors import CATALOGUE
from crmsync.models import Connection, RemoteRecord, SandboxRecord, SyncAttempt, SyncRun
from crmsync.requeue import requeue
from crmsync.state import describe_error, error_texts, state_of


class ReadOnly:
    """To look at only: what these rows say is written by the sync itself."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AttemptInline(ReadOnly, admin.TabularInline):
    model = SyncAttempt
    fields = [
        "step",
        "number",
        "started_at",
        "finished_at",
        "outcome",
        "error_code",
        "http_status",
        "correlation_id",
        "outcome_unknown",
        "internal_message",
    ]


class ErrorFilter(admin.SimpleListFilter):
    title = "error"
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, error_texts(code)["title"]) for code in CATALOGUE]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SyncRun]) -> QuerySet[SyncRun]:
        return queryset.filter(error_code=self.value()) if self.value() else queryset


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["reference", "meeting", "customer", "state", "error", "created_at"]
    list_filter = ["status", ErrorFilter, "connection__provider"]
    list_select_related = ["meeting__user", "connection"]
    search_fields = ["meeting__title", "meeting__user__email"]
    show_full_result_count = False
    inlines = [AttemptInline]
    actions = ["requeue", "cancel"]
    fieldsets = [
        (None, {"fields": ["reference", "meeting", "customer", "connection"]}),
        ("Where it stands", {"fields": ["state", "step", "failures", "due_at", "wait_reason"]}),
        (
            "What the customer reads",
            {"fields": ["error", "error_message", "error_remedy", "error_code", "error_cause"]},
        ),
        (
            "History",
            {"fields": ["requested_by", "reason", "created_at", "started_at", "finished_at"]},
        ),
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        # What looks like a reference is one; the other fields are slow to search.
        if search_term.strip().upper().startswith("SY-"):
            return queryset.filter(reference=search_term.strip().upper()), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(ordering="meeting__user__email")
    def customer(self, run: SyncRun) -> str:
        return run.meeting.user.email

    @admin.display(ordering="status")
    def state(self, run: SyncRun) -> str:
        return state_of(run.meeting, run, run.connection, timezone.now())

    @admin.display(ordering="error_code")
    def error(self, run: SyncRun) -> str:
        return _error_text(run, "title")

    @admin.display(description="message")
    def error_message(self, run: SyncRun) -> str:
        return _error_text(run, "message")

    @admin.display(description="what to do")
    def error_remedy(self, run: SyncRun) -> str:
        return _error_text(run, "remedy")

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("crmsync.change_syncrun")

    @admin.action(description="Re-queue the selected syncs", permissions=["act"])
    def requeue(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> None:
        outcomes = Counter[str](requeue(run.meeting, by=request.user) for run in runs)
        self._report(request, outcomes)

    @admin.action(description="Cancel the selected syncs", permissions=["act"])
    def cancel(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> None:
        canceled = (lifecycle.cancel(run.meeting_id) for run in runs.active())  # type: ignore[attr-defined]
        outcomes = Counter("canceled" if done else "already ended" for done in canceled)
        outcomes["already ended"] += runs.count() - outcomes.total()
        self._report(request, outcomes)

    def _report(self, request: HttpRequest, outcomes: Counter[str]) -> None:
        text = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items() if count)
        self.message_user(request, f"Syncs: {text}.", messages.INFO)


def _error_text(run: SyncRun, part: str) -> str:
    return describe_error(run, run.error_code)[part] if run.error_code else ""


@admin.register(Connection)
class ConnectionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["user", "provider", "account_name", "state", "last_error", "connected_at"]
    list_filter = ["provider", "state"]
    list_select_related = ["user"]
    search_fields = ["user__email", "account_name"]


@admin.register(RemoteRecord)
class RemoteRecordAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["kind", "local_key", "action", "remote_id", "connection", "written_at"]
    list_filter = ["kind", "action"]
    list_select_related = ["connection"]
    search_fields = ["local_key", "remote_id"]


@admin.register(SandboxRecord)
class SandboxRecordAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["kind", "key", "account", "updated_at"]
    list_filter = ["kind", "account"]
    search_fields = ["key"]
