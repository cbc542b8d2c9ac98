from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from crmsync.admin.base import ReadOnlyAdmin, badge, format_moment, users_matching
from crmsync.admin.bulk_actions import MAX_TARGETS, confirm
from crmsync.models import Connection, RemoteRecord, SandboxRecord, SupportAction
from crmsync.status.connecting import describe_degraded
from crmsync.status.error_messages import error_texts

SHOWN = ("owner", "provider", "account_name", "standing", "error", "since")


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = SHOWN
    list_filter = ["state", "provider"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    search_help_text = "The beginning of the customer's e-mail address"
    actions = ["pause", "resume"]
    fields = readonly_fields = (*SHOWN, "not_before", "limits", "options")

    @admin.display(description="customer")
    def owner(self, connection: Connection) -> str:
        return connection.user.email

    @admin.display(description="state", ordering="state")
    def standing(self, connection: Connection) -> str:
        return badge(connection.state)

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
        return request.user.has_perm("crmsync.pause_connection")

    @admin.action(description="Pause the selected connections …", permissions=["pause"])
    def pause(self, request: HttpRequest, chosen: QuerySet[Connection]) -> HttpResponse:
        return confirm(request, SupportAction.Kind.PAUSE, _ids(chosen))

    @admin.action(description="Resume the selected connections …", permissions=["pause"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Connection]) -> HttpResponse:
        return confirm(request, SupportAction.Kind.RESUME, _ids(chosen))


def _ids(chosen: QuerySet[Connection]) -> QuerySet[Connection, int]:
    return chosen.values_list("pk", flat=True)[: MAX_TARGETS + 1]


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
