from collections import Counter
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from crmsync import lifecycle, standing
from crmsync.causes import describe_error, error_texts
from crmsync.errors import CATALOGUE
from crmsync.filters import with_state
from crmsync.models import (
    Connection,
    RemoteRecord,
    SandboxRecord,
    SyncAttempt,
    SyncRun,
)
from crmsync.requeue import requeue
from crmsync.state import describe, state_of
from meetings.admin import MeetingAdmin
from meetings.models import Meeting


class ReadOnly:
    """To look at only: what these rows say is written by the sync itself."""

    opts: Any

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not from its own pages; the deletion of a user or a meeting takes it along."""
        page = request.resolver_match.url_name if request.resolver_match else ""
        here = f"{self.opts.app_label}_{self.opts.model_name}_"
        return not (page or "").startswith(here)


class AttemptInline(ReadOnly, admin.TabularInline):
    model = SyncAttempt
    fields = ["started", "seconds", "outcome", "error_code", "http_status", "for_staff"]
    readonly_fields = ["started", "seconds", "for_staff"]
    can_delete = False

    @admin.display(description="started at (UTC)")
    def started(self, attempt: SyncAttempt) -> str:
        return _moment(attempt.started_at)

    def seconds(self, attempt: SyncAttempt) -> str:
        if attempt.finished_at is None:
            return "under way"
        return f"{(attempt.finished_at - attempt.started_at).total_seconds():.1f}"

    def for_staff(self, attempt: SyncAttempt) -> str:
        unknown = "The outcome is unknown. " if attempt.outcome_unknown else ""
        known = f"{unknown}{attempt.correlation_id}".strip()
        return format_html(
            '<div>{}</div><pre class="message">{}</pre>', known, attempt.internal_message
        )


class ErrorFilter(admin.SimpleListFilter):
    title = "error"
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, error_texts(code)["title"]) for code in CATALOGUE]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SyncRun]) -> QuerySet[SyncRun]:
        return queryset.filter(error_code=self.value()) if self.value() else queryset


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["reference", "meeting", "customer", "state", "error", "created"]
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
            {"fields": ["headline", "detail", "what_comes_next", "error", "error_message"]},
        ),
        ("Why", {"fields": ["error_code", "error_cause", "error_field", "error_detail"]}),
        (
            "History",
            {"fields": ["requested_by", "reason", "created_at", "started_at", "finished_at"]},
        ),
    ]

    class Media:
        css = {"all": ["crmsync/admin.css"]}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        # What looks like a reference is one; the other fields are slow to search.
        reference = search_term.strip().upper()
        if reference.startswith("SY-"):
            return queryset.filter(reference=reference), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(ordering="meeting__user__email")
    def customer(self, run: SyncRun) -> str:
        return run.meeting.user.email

    @admin.display(ordering="created_at", description="created at (UTC)")
    def created(self, run: SyncRun) -> str:
        return _moment(run.created_at)

    @admin.display(ordering="status")
    def state(self, run: SyncRun) -> str:
        return state_of(run.meeting, run, run.connection, timezone.now()).replace("_", " ")

    @admin.display(ordering="error_code")
    def error(self, run: SyncRun) -> str:
        return _error_text(run, "title")

    @admin.display(description="message")
    def error_message(self, run: SyncRun) -> str:
        return _error_text(run, "message")

    def headline(self, run: SyncRun) -> str:
        return _described(run)["headline"]

    def detail(self, run: SyncRun) -> str:
        return _described(run)["detail"]

    def what_comes_next(self, run: SyncRun) -> str:
        return _described(run)["next"]["text"]

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("crmsync.change_syncrun")

    @admin.action(description="Re-queue the selected syncs", permissions=["act"])
    def requeue(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> None:
        outcomes = Counter[str](requeue(run.meeting, by=request.user) for run in runs)
        self._report(request, outcomes)

    @admin.action(description="Cancel the selected syncs", permissions=["act"])
    def cancel(self, request: HttpRequest, runs: QuerySet[SyncRun]) -> None:
        chosen = list(runs)  # Read first: a filtered list no longer holds what was canceled.
        canceled = (
            run.status in SyncRun.ACTIVE and lifecycle.cancel(run.meeting_id) for run in chosen
        )
        outcomes = Counter("canceled" if done else "already ended" for done in canceled)
        self._report(request, outcomes)

    def _report(self, request: HttpRequest, outcomes: Counter[str]) -> None:
        text = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items() if count)
        self.message_user(request, f"Syncs: {text}.", messages.INFO)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _described(run: SyncRun) -> dict[str, Any]:
    return describe(run.meeting, run, run.connection, timezone.now())


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


class StateFilter(admin.SimpleListFilter):
    title = "sync"
    parameter_name = "sync"
    GROUPS = {
        "failed": ("Failed", ["failed"]),
        "in_progress": ("In progress", ["queued", "syncing", "waiting", "retrying", "paused"]),
        "never": ("Never", ["never_synced", "not_connected"]),
        "synced": ("Synced", ["synced", "out_of_date"]),
        "canceled": ("Canceled", ["canceled"]),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, label) for value, (label, _) in self.GROUPS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Meeting]) -> QuerySet[Any]:
        if self.value() not in self.GROUPS:
            return queryset
        states = self.GROUPS[self.value() or ""][1]
        return with_state(queryset, timezone.now()).filter(state__in=states)


admin.site.unregister(Meeting)


@admin.register(Meeting)
class SyncedMeetingAdmin(MeetingAdmin):
    list_display = ["title", "user", "starts_at", "sync"]
    list_filter = [StateFilter]
    readonly_fields = [*MeetingAdmin.readonly_fields, "sync", "runs"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Meeting]:
        return standing.with_standing(super().get_queryset(request))

    def delete_model(self, request: HttpRequest, obj: Meeting) -> None:
        lifecycle.delete_meeting(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Meeting]) -> None:
        for meeting in queryset:
            lifecycle.delete_meeting(meeting)

    @admin.display(description="sync")
    def sync(self, meeting: Meeting) -> str:
        return standing.state(meeting).replace("_", " ")

    @admin.display(description="sync runs")
    def runs(self, meeting: Meeting) -> str:
        if meeting.pk is None:
            return ""
        url = reverse("admin:crmsync_syncrun_changelist")
        return format_html('<a href="{}?meeting={}">All runs of this meeting</a>', url, meeting.pk)
