from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from crmsync.admin.base import SEARCH_HELP, BoundedPaginator, meetings_matching
from crmsync.operations import syncs
from crmsync.status import latest_runs
from crmsync.status.sql import HAS_ACTIVE_RUN, INDEX_PREFILTERS, annotate_state
from crmsync.support.badges import badge
from meetings.admin import MeetingAdmin
from meetings.models import Meeting


class StateFilter(admin.SimpleListFilter):
    title = "sync"
    parameter_name = "sync"
    GROUPS = {
        "failed": ("Failed", ["failed"]),
        "in_progress": (
            "In progress",
            ["queued", "syncing", "removing", "waiting", "retrying", "paused"],
        ),
        "never": ("Never synced", ["never_synced", "not_connected"]),
        "canceled": ("Canceled", ["canceled"]),
        "synced": ("Synced", ["synced", "out_of_date"]),
    }
    INDEX_PREFILTERS = {
        **INDEX_PREFILTERS,
        "in_progress": HAS_ACTIVE_RUN,
        "never": Q(last_sync_success=None),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, label) for value, (label, _) in self.GROUPS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Meeting]) -> QuerySet[Any]:
        group = self.value()
        if group not in self.GROUPS:
            return queryset
        candidates = queryset.filter(self.INDEX_PREFILTERS.get(group, Q()))
        return annotate_state(candidates, timezone.now()).filter(state__in=self.GROUPS[group][1])


admin.site.unregister(Meeting)


@admin.register(Meeting)
class SyncedMeetingAdmin(MeetingAdmin):
    list_display = ["title", "user", "starts_at", "sync"]
    list_filter = [StateFilter]
    readonly_fields = [*MeetingAdmin.readonly_fields, "sync", "runs"]
    paginator = BoundedPaginator
    show_facets = admin.ShowFacets.NEVER  # Facets would count every row.
    search_help_text = SEARCH_HELP.capitalize()

    class Media:
        css = {"all": ["crmsync/admin.css"]}
        js = ["crmsync/live.js", "crmsync/labels.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Meeting]:
        return latest_runs.prefetch_latest_run(super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(pk__in=meetings_matching(term)) if term else queryset), False

    def delete_model(self, request: HttpRequest, obj: Meeting) -> None:
        syncs.delete_meeting(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Meeting]) -> None:
        for meeting in queryset:
            syncs.delete_meeting(meeting)

    @admin.display(description="sync")
    def sync(self, meeting: Meeting) -> str:
        return badge(latest_runs.state_of_meeting(meeting))

    @admin.display(description="syncs")
    def runs(self, meeting: Meeting) -> str:
        if meeting.pk is None:
            return ""
        url = reverse("admin:crmsync_syncrun_changelist")
        return format_html('<a href="{}?meeting={}">All syncs of this meeting</a>', url, meeting.pk)
