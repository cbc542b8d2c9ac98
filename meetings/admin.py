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
        "removing_since",
        "created_at",
        "updated_at",
    ]

    def save_model(self, request: HttpRequest, obj: Meeting, form: Any, change: bool) -> None:
        """An edit that changes nothing must not make a synced meeting look out of date."""
        if form.has_changed() or not change:
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if any(formset.has_changed() for formset in formsets):
            form.instance.save()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A meeting keeps its owner: what was synced went to the owner's CRM."""
        return [*self.readonly_fields, *(["user"] if obj else [])]
