from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from crmsync.admin.base import (
    ProviderFilter,
    ReadOnlyAdmin,
    first_ids,
    format_moment,
    users_matching,
)
from crmsync.admin.bulk_actions import confirm, may
from crmsync.models import Connection, RemoteRecord, SandboxRecord, SupportAction
from crmsync.status.connecting import describe_degraded
from crmsync.status.error_messages import crm_name, error_texts
from crmsync.support.badges import badge_of_connection

Kind = SupportAction.Kind
SHOWN = ("owner", "crm", "account_name", "standing", "error", "since")


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = SHOWN
    list_filter = ["state", ProviderFilter]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    search_help_text = "The beginning of the customer's e-mail address"
    actions = ["check_now", "pause", "resume"]
    fields = readonly_fields = (*SHOWN, "not_before", "limits", "options")

    @admin.display(description="customer")
    def owner(self, connection: Connection) -> str:
        return connection.user.email

    @admin.display(description="CRM", ordering="provider")
    def crm(self, connection: Connection) -> str:
        return crm_name(connection.provider)

    @admin.display(description="state", ordering="state")
    def standing(self, connection: Connection) -> str:
        return badge_of_connection(connection)

    @admin.display(description="last error")
    def error(self, connection: Connection) -> str:
        return error_texts(connection.last_error, connection.provider)["title"] or "–"

    @admin.display(description="connected at (UTC)")
    def since(self, connection: Connection) -> str:
        return format_moment(connection.connected_at)

    @admin.display(description="what the account does not let us do")
    def limits(self, connection: Connection) -> str:
        return " ".join(told["text"] for told in describe_degraded(connection)) or "–"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(user__in=users_matching(term)) if term else queryset), False

    def has_pause_permission(self, request: HttpRequest) -> bool:
        return may(request, Kind.PAUSE)

    def has_check_permission(self, request: HttpRequest) -> bool:
        return may(request, Kind.CHECK)

    @admin.action(description="Check the selected connections …", permissions=["check"])
    def check_now(self, request: HttpRequest, chosen: QuerySet[Connection]) -> HttpResponse:
        return confirm(request, Kind.CHECK, first_ids(chosen))

    @admin.action(description="Pause the selected connections …", permissions=["pause"])
    def pause(self, request: HttpRequest, chosen: QuerySet[Connection]) -> HttpResponse:
        return confirm(request, Kind.PAUSE, first_ids(chosen))

    @admin.action(description="Resume the selected connections …", permissions=["pause"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Connection]) -> HttpResponse:
        return confirm(request, Kind.RESUME, first_ids(chosen))


@admin.register(RemoteRecord)
class RemoteRecordAdmin(ReadOnlyAdmin):
    list_display = ["kind", "local_key", "action", "remote_id", "connection", "written_at"]
    list_filter = ["kind", "action"]
    list_select_related = ["connection"]
    search_fields = ["=local_key", "=remote_id"]


@admin.register(SandboxRecord)
class SandboxRecordAdmin(ReadOnlyAdmin):
    list_display = ["kind", "key", "account", "updated_at"]
    list_filter = ["kind"]
    search_fields = ["=key"]
