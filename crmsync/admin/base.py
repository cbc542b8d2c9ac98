"""What all pages of the support desk share."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property

from accounts.models import User
from crmsync.providers import PROVIDERS
from crmsync.status.error_messages import crm_name
from meetings.models import Attendee, Meeting

MAX_MATCHES = 1000
SEARCH_HELP = "a meeting's number, a part of its title, the beginning of an address"


class BoundedPaginator(Paginator):
    """Stops counting at MAX_COUNT: nobody pages that far, and a filter narrows better."""

    MAX_COUNT = 5_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return rows.order_by()[: self.MAX_COUNT].count()


class ReadOnlyAdmin(admin.ModelAdmin):
    """Read-only: the sync itself writes these rows."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # Facets would count every row.

    class Media:
        css = {"all": ["crmsync/admin.css"]}
        js = ["crmsync/live.js", "crmsync/labels.js"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            response = super().changelist_view(request, extra_context)
        except (OverflowError, ValueError, DataError):  # An id that the database cannot compare.
            return redirect(f"{request.path}?{ERROR_FLAG}=1")
        context = getattr(response, "context_data", None) or {}
        most = BoundedPaginator.MAX_COUNT
        if "cl" in context and context["cl"].result_count == most:
            context["subtitle"] = f"The latest {most:,}. Narrow the list to see others."
        return response

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        shown = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if shown is not None:
            context |= self.page_context(request, shown)
        return super().change_view(request, object_id, form_url, context)

    def fitting_actions(self, request: HttpRequest, names: Iterable[str]) -> list[tuple[str, str]]:
        """Those of these actions that this person may take, as (name, label)."""
        allowed = self.get_actions(request)
        found = ((name, allowed.get(name)) for name in names)
        return [(name, str(action[2])) for name, action in found if action]

    def page_context(self, request: HttpRequest, shown: Any) -> dict[str, Any]:
        """What the template of one object's page needs besides Django's own context."""
        return {}

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Keeps anybody from guessing sealed credentials letter by letter."""
        return "credentials" not in lookup and super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only the deletion of a user or a meeting deletes it, not a page of its own."""
        page = request.resolver_match.url_name if request.resolver_match else ""
        here = f"{self.opts.app_label}_{self.opts.model_name}_"
        return not (page or "").startswith(here)


class ProviderFilter(admin.SimpleListFilter):
    title = "CRM"
    parameter_name = "provider"
    field = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(provider, crm_name(provider)) for provider in PROVIDERS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


class LinkedFilter(admin.SimpleListFilter):
    """Shown only where a link from elsewhere names one: all that has to do with that object."""

    words = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asked = request.GET.get(self.parameter_name or "", "")
        return [(asked, f"{self.words} {asked}")] if asked.isdecimal() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.value()
        return queryset.filter(self.condition(int(asked))) if asked else queryset

    def condition(self, pk: int) -> Q:
        raise NotImplementedError


def first_ids(chosen: QuerySet[Any], name: str = "pk") -> QuerySet[Any]:
    """The latest of them; one more than an action takes, which tells that there are more."""
    return chosen.order_by("-pk").values_list(name, flat=True)[: BoundedPaginator.MAX_COUNT + 1]


def format_moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "–"


def users_matching(term: str) -> QuerySet[User]:
    """By the beginning of the address, which an index finds."""
    return User.objects.filter(email__startswith=term.lower())


def meetings_matching(term: str) -> list[int]:
    """Ids by the meeting's number, its title, its owner or an attendee."""
    owned = Q(user__in=list(users_matching(term).values_list("pk", flat=True)[:MAX_MATCHES]))
    if "@" in term:
        invited = Attendee.objects.filter(email__startswith=term.lower()).values_list(
            "meeting", flat=True
        )
        found = Meeting.objects.filter(owned | Q(pk__in=list(invited[:MAX_MATCHES])))
    elif term.isdecimal() and len(term) <= 18:
        found = Meeting.objects.filter(pk=int(term))
    else:
        # Two queries: each has an index, but no index serves both.
        # The latest meetings, whose syncs are at the top of the list.
        titled = Meeting.objects.filter(title__icontains=term).order_by("-pk")
        named = Meeting.objects.filter(owned).order_by()
        return [
            *titled.values_list("pk", flat=True)[:MAX_MATCHES],
            *named.values_list("pk", flat=True)[:MAX_MATCHES],
        ]
    return list(found.order_by().values_list("pk", flat=True)[:MAX_MATCHES])
