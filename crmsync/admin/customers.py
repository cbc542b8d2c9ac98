from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from crmsync.admin.base import (
    LinkedFilter,
    ProviderFilter,
    ReadOnlyAdmin,
    first_ids,
    format_moment,
    users_matching,
)
from crmsync.admin.bulk_actions import confirm, may
from crmsync.models import Connection, Customer, Incident, SupportAction, SyncRun
from crmsync.status.error_messages import crm_name
from crmsync.support import customer_file
from crmsync.support.badges import badge_of_connection

Kind = SupportAction.Kind
State = Connection.State


class CrmFilter(ProviderFilter):
    field = "connection__provider"


class StateFilter(admin.SimpleListFilter):
    title = "connection"
    parameter_name = "connection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(state.value), str(state.label)) for state in State]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> QuerySet[Customer]:
        return queryset.filter(connection__state=self.value()) if self.value() else queryset


class IncidentFilter(LinkedFilter):
    title = "incident"
    parameter_name = "incident"
    words = "Affected by incident"

    def condition(self, pk: int) -> Q:
        incident = Incident.objects.filter(pk=pk).first()
        return _affected_by(incident) if incident else Q(pk__in=[])


def _affected_by(incident: Incident) -> Q:
    if incident.host_name:
        host = {"host__name": incident.host_name, "host__provider": incident.provider}
        return Q(pk__in=Connection.objects.filter(**host).values("user"))
    itself_and_parts = Incident.objects.filter(Q(pk=incident.pk) | Q(part_of=incident.pk))
    return Q(pk__in=itself_and_parts.values("connection__user"))


FILTERS = [CrmFilter, StateFilter, IncidentFilter]


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    list_display = ["email", "crm", "standing", "account", "joined"]
    list_filter = [*FILTERS]
    list_select_related = ["connection"]
    search_fields = ["email"]
    search_help_text = "The beginning of the e-mail address"
    ordering = ["-pk"]
    sortable_by = ()
    fields = readonly_fields = ("email",)
    actions = ["check_now", "pause", "resume", "retry", "requeue", "send_password_mail"]
    change_form_template = "crmsync/admin/customer.html"

    @admin.display(description="CRM")
    def crm(self, customer: Customer) -> str:
        connection = customer_file.connection_of(customer)
        return crm_name(connection.provider) if connection else "–"

    @admin.display(description="connection")
    def standing(self, customer: Customer) -> str:
        connection = customer_file.connection_of(customer)
        return badge_of_connection(connection) if connection else "–"

    @admin.display(description="account in the CRM")
    def account(self, customer: Customer) -> str:
        connection = customer_file.connection_of(customer)
        return connection.account_name if connection else "–"

    @admin.display(description="joined at (UTC)")
    def joined(self, customer: Customer) -> str:
        return format_moment(customer.date_joined)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        found = queryset.filter(pk__in=users_matching(term).values("pk")) if term else queryset
        return found, False

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Keeps anybody from guessing the hash of a password letter by letter."""
        return lookup in {each.parameter_name for each in FILTERS}

    def has_check_permission(self, request: HttpRequest) -> bool:
        return may(request, Kind.CHECK)

    def has_pause_permission(self, request: HttpRequest) -> bool:
        return may(request, Kind.PAUSE)

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return may(request, Kind.REQUEUE)

    def has_mail_permission(self, request: HttpRequest) -> bool:
        return may(request, Kind.PASSWORD_MAIL)

    @admin.action(description="Check the connection …", permissions=["check"])
    def check_now(self, request: HttpRequest, chosen: QuerySet[Customer]) -> HttpResponse:
        return confirm(request, Kind.CHECK, _connections_of(chosen))

    @admin.action(description="Pause the connection …", permissions=["pause"])
    def pause(self, request: HttpRequest, chosen: QuerySet[Customer]) -> HttpResponse:
        return confirm(request, Kind.PAUSE, _connections_of(chosen))

    @admin.action(description="Resume the connection …", permissions=["pause"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Customer]) -> HttpResponse:
        return confirm(request, Kind.RESUME, _connections_of(chosen))

    @admin.action(description="Retry now what waits for a retry …", permissions=["requeue"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Customer]) -> HttpResponse:
        runs = SyncRun.objects.filter(status=SyncRun.Status.RETRYING)
        return confirm(request, Kind.RETRY, _meetings_of(chosen, runs))

    @admin.action(description="Re-queue what failed …", permissions=["requeue"])
    def requeue(self, request: HttpRequest, chosen: QuerySet[Customer]) -> HttpResponse:
        runs = SyncRun.objects.latest_of_each().filter(status=SyncRun.Status.FAILED)
        return confirm(request, Kind.REQUEUE, _meetings_of(chosen, runs))

    @admin.action(description="Send a password mail …", permissions=["mail"])
    def send_password_mail(self, request: HttpRequest, chosen: QuerySet[Customer]) -> HttpResponse:
        return confirm(request, Kind.PASSWORD_MAIL, first_ids(chosen))

    def page_context(self, request: HttpRequest, shown: Customer) -> dict[str, Any]:
        told = customer_file.build(shown, timezone.now())
        return {
            "title": f"Customer {shown}",
            "subtitle": None,
            "told": told,
            "actions": self.fitting_actions(request, _fitting(told)),
        }


def _fitting(told: dict[str, Any]) -> list[str]:
    """The actions that something of the customer's allows now."""
    connection, standing = told["connection"], told["standing"]
    state = connection.state if connection else State.DISCONNECTED
    fits = {
        "check_now": state != State.DISCONNECTED,
        "pause": state in (State.CONNECTED, State.NEEDS_REAUTH),
        "resume": state == State.PAUSED,
        "retry": "retrying" in standing,
        "requeue": "failed" in standing,
        "send_password_mail": True,
    }
    return [name for name, does_fit in fits.items() if does_fit]


def _connections_of(chosen: QuerySet[Customer]) -> QuerySet[Any]:
    return first_ids(Connection.objects.filter(user__in=chosen.values("pk")))


def _meetings_of(chosen: QuerySet[Customer], runs: QuerySet[SyncRun]) -> QuerySet[Any]:
    return first_ids(runs.filter(connection__user__in=chosen.values("pk")), "meeting")
