from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from crmsync.admin.base import ProviderFilter, ReadOnlyAdmin, first_ids, format_moment
from crmsync.admin.bulk_actions import confirm, may
from crmsync.errors import CATALOGUE
from crmsync.incidents.routes import OUTAGE, route_of, severity_of
from crmsync.models import Incident, SupportAction
from crmsync.support import audit
from crmsync.support.badges import badge
from crmsync.support.incident_messages import ALERTED, cause_title, describe_incident

Kind = SupportAction.Kind
SNOOZES = ("snooze_for_an_hour", "snooze_for_a_day")
FITTING: dict[str, tuple[str, ...]] = {
    "open": (*SNOOZES, "resolve"),
    "snoozed": (*SNOOZES, "end_snooze", "resolve"),
    "resolved": (),
}


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Open"), ("no", "Resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Incident]) -> QuerySet[Incident]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(resolved_at__isnull=self.value() == "yes")


class CauseFilter(admin.SimpleListFilter):
    title = "cause"
    parameter_name = "cause"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        causes = Incident.objects.order_by("cause").values_list("cause", flat=True).distinct()
        return [(cause, cause_title(cause)) for cause in causes]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Incident]) -> QuerySet[Incident]:
        return queryset.filter(cause=self.value()) if self.value() else queryset


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = [
        "what",
        "standing",
        "severity",
        "route",
        "scope",
        "syncs",
        "opened",
        "last_seen",
    ]
    list_filter = [OpenFilter, ProviderFilter, CauseFilter]
    list_select_related = ["connection__user"]
    actions = ["snooze_for_an_hour", "snooze_for_a_day", "end_snooze", "resolve"]
    change_form_template = "crmsync/admin/incident.html"

    @admin.display(description="what")
    def what(self, incident: Incident) -> str:
        return describe_incident(incident)["title"]

    @admin.display(description="affects")
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

    @admin.display(description="severity")
    def severity(self, incident: Incident) -> str:
        return severity_of(incident)

    @admin.display(description="staff alerted")
    def route(self, incident: Incident) -> str:
        return ALERTED[route_of(incident)]

    def has_snooze_permission(self, request: HttpRequest) -> bool:
        return may(request, Kind.RESOLVE)

    @admin.action(description="Snooze for an hour …", permissions=["snooze"])
    def snooze_for_an_hour(self, request: HttpRequest, chosen: QuerySet[Incident]) -> HttpResponse:
        return confirm(request, Kind.SNOOZE_HOUR, first_ids(chosen))

    @admin.action(description="Snooze for a day …", permissions=["snooze"])
    def snooze_for_a_day(self, request: HttpRequest, chosen: QuerySet[Incident]) -> HttpResponse:
        return confirm(request, Kind.SNOOZE_DAY, first_ids(chosen))

    @admin.action(description="End the snooze …", permissions=["snooze"])
    def end_snooze(self, request: HttpRequest, chosen: QuerySet[Incident]) -> HttpResponse:
        return confirm(request, Kind.END_SNOOZE, first_ids(chosen))

    @admin.action(description="Resolve …", permissions=["snooze"])
    def resolve(self, request: HttpRequest, chosen: QuerySet[Incident]) -> HttpResponse:
        return confirm(request, Kind.RESOLVE, first_ids(chosen))

    def page_context(self, request: HttpRequest, shown: Incident) -> dict[str, Any]:
        standing = standing_of(shown)
        return {
            **_context_of(shown),
            "actions": self.fitting_actions(request, FITTING[standing]),
            "may_requeue": may(request, Kind.REQUEUE) and shown.cause in CATALOGUE,
            "title": "Incident",
            "subtitle": None,
        }


def standing_of(incident: Incident) -> str:
    if incident.resolved_at:
        return "resolved"
    is_snoozed = incident.snoozed_until and incident.snoozed_until > timezone.now()
    return "snoozed" if is_snoozed else "open"


def _context_of(incident: Incident) -> dict[str, Any]:
    runs = reverse("admin:crmsync_syncrun_changelist")
    customers = reverse("admin:crmsync_customer_changelist")
    query = {"provider": incident.provider, "error": incident.cause}
    if incident.connection:
        query["customer"] = str(incident.connection.user_id)
    if incident.cause == OUTAGE:
        query = {"provider": incident.provider, "state": "waiting"}
    return {
        "told": describe_incident(incident),
        "standing": badge(standing_of(incident)),
        "is_outage": incident.cause == OUTAGE,
        "severity": severity_of(incident),
        "route": ALERTED[route_of(incident)],
        "affected": f"{runs}?{urlencode(query)}" if incident.provider else runs,
        "customers": f"{customers}?incident={incident.pk}" if incident.provider else "",
        "alerts": incident.alerts.all(),
        "history": audit.of_incident(incident),
        "whole": describe_incident(incident.part_of) if incident.part_of else None,
        "parts": incident.parts.select_related("connection__user")[:50],
    }
