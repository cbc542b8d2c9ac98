from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from meetings.models import Attendee, Meeting


class AttendeeInline(admin.TabularInline):
    model = Attendee
    extra = 0


@admin.register(Meeting)
class MeetingAdmin(admin.ModelAdmin):
    list_display = ["title", "user", "starts_at"]
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
