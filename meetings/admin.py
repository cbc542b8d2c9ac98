from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from meetings.models import Attendee, Meeting


class SyncFilter(admin.SimpleListFilter):
    title = "sync"
    parameter_name = "sync"
    CONDITIONS = {
        "failed": ("Failed", Q(in_progress_sync_status=None, last_sync_success=False)),
        "in_progress": ("In progress", Q(in_progress_sync_status__isnull=False)),
        "never": ("Never", Q(in_progress_sync_status=None, last_sync_success=None)),
        "synced": ("Synced", Q(in_progress_sync_status=None, last_sync_success=True)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, label) for value, (label, _) in self.CONDITIONS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Meeting]) -> QuerySet[Meeting]:
        chosen = self.CONDITIONS.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class AttendeeInline(admin.TabularInline):
    model = Attendee
    extra = 0


@admin.register(Meeting)
class MeetingAdmin(admin.ModelAdmin):
    list_display = ["title", "user", "starts_at", "sync", "last_sync_at"]
    list_filter = [SyncFilter]
    list_select_related = ["user"]
    search_fields = ["title", "user__email", "attendees__email"]
    show_full_result_count = False
    autocomplete_fields = ["user"]
    inlines = [AttendeeInline]
    readonly_fields = [
        "key",
        "in_progress_sync_status",
        "last_sync_success",
        "last_sync_at",
        "created_at",
        "updated_at",
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A meeting keeps its owner: what was synced went to the owner's CRM."""
        return [*self.readonly_fields, *(["user"] if obj else [])]

    @admin.display(description="sync")
    def sync(self, meeting: Meeting) -> str:
        if meeting.in_progress_sync_status:
            retrying = ", retrying" if meeting.last_sync_success is False else ""
            return f"Step {meeting.in_progress_sync_status} of 3{retrying}"
        return {None: "Never", True: "Synced", False: "Failed"}[meeting.last_sync_success]
