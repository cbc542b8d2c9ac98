from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from crmsync.admin.base import ReadOnlyAdmin, badge, format_moment
from crmsync.incidents import incidents
from crmsync.models import Incident
from crmsync.support.incident_messages import describe_incident


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Open"), ("no", "Resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Incident]) -> QuerySet[Incident]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(resolved_at__isnull=self.value() == "yes")


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ["what", "standing", "scope", "syncs", "opened", "last_seen"]
    list_filter = [OpenFilter, "provider", "cause"]
    list_select_related = ["connection__user"]
    actions = ["snooze_for_an_hour", "snooze_for_a_day"]
    change_form_template = "crmsync/admin/incident.html"

    @admin.display(description="what")
    def what(self, incident: Incident) -> str:
        return describe_incident(incident)["title"]

    @admin.display(description="concerns")
    def scope(self, incident: Incident) -> str:
        return describe_incident(incident)["scope"]

    @admin.display(description="state")
    def standing(self, incident: Incident) -> str:
        return badge(standing_of(incident))

    @admin.display(description="opened at (UTC)", ordering="pk")
    def opened(self, incident: Incident) -> str:
        return format_moment(incident.opened_at)

    @admin.display(description="last seen at (UTC)")
    def last_seen(self, incident: Incident) -> str:
        return format_moment(incident.last_seen_at)

    def has_snooze_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("crmsync.snooze_incident")

    @admin.action(description="Snooze for an hour", permissions=["snooze"])
    def snooze_for_an_hour(self, request: HttpRequest, chosen: QuerySet[Incident]) -> None:
        self._snooze(request, chosen, timedelta(hours=1))

    @admin.action(description="Snooze for a day", permissions=["snooze"])
    def snooze_for_a_day(self, request: HttpRequest, chosen: QuerySet[Incident]) -> None:
        self._snooze(request, chosen, timedelta(days=1))

    def _snooze(self, request: HttpRequest, chosen: QuerySet[Incident], pause: timedelta) -> None:
        until = timezone.now() + pause
        snoozed = [incident for incident in chosen if incidents.snooze(incident.pk, until)]
        for incident in snoozed:
            self.log_change(request, incident, f"Snoozed until {format_moment(until)} UTC")
        text = f"Snoozed {len(snoozed)} incidents until {format_moment(until)} UTC."
        self.message_user(request, text, messages.INFO)

    def page_context(self, request: HttpRequest, shown: Incident) -> dict[str, Any]:
        return {**_context_of(shown), "title": "Incident", "subtitle": None}


def standing_of(incident: Incident) -> str:
    if incident.resolved_at:
        return "resolved"
    is_snoozed = incident.snoozed_until and incident.snoozed_until > timezone.now()
    return "snoozed" if is_snoozed else "open"


def _context_of(incident: Incident) -> dict[str, Any]:
    runs = reverse("admin:crmsync_syncrun_changelist")
    query = {"provider": incident.provider, "error": incident.cause}
    if incident.connection:
        query["q"] = incident.connection.user.email
    return {
        "told": describe_incident(incident),
        "standing": badge(standing_of(incident)),
        "affected": f"{runs}?{urlencode(query)}" if incident.provider else runs,
        "alerts": incident.alerts.all(),
        "parts": incident.parts.select_related("connection__user")[:50],
    }
