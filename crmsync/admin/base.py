"""What all lists of the support desk have in common."""

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
from django.utils.html import format_html

from accounts.models import User
from meetings.models import Attendee, Meeting

MAX_MATCHES = 1000
SEARCH_HELP = "a meeting's number, a part of its title, the beginning of an address"


class BoundedPaginator(Paginator):
    """Counts no further than anybody pages; a filter narrows better than page 101 does."""

    MAX_COUNT = 5_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return rows.order_by()[: self.MAX_COUNT].count()


class ReadOnlyAdmin(admin.ModelAdmin):
    """To look at only: what these rows say is written by the sync itself."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # They would count every row.

    class Media:
        css = {"all": ["crmsync/admin.css"]}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().changelist_view(request, extra_context)
        except (OverflowError, ValueError, DataError):  # An id that no database can compare.
            return redirect(f"{request.path}?{ERROR_FLAG}=1")

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

    def page_context(self, request: HttpRequest, shown: Any) -> dict[str, Any]:
        """What the template of one object's page needs besides Django's own context."""
        return {}

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Nobody guesses what is sealed letter by letter."""
        return "credentials" not in lookup and super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not from its own pages; the deletion of a user or a meeting takes it along."""
        page = request.resolver_match.url_name if request.resolver_match else ""
        here = f"{self.opts.app_label}_{self.opts.model_name}_"
        return not (page or "").startswith(here)


def format_moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "–"


def badge(state: str) -> str:
    return format_html('<span class="badge {}">{}</span>', state, state.replace("_", " "))


def users_matching(term: str) -> QuerySet[User]:
    """Whose address begins so: that is what an index finds among a million."""
    return User.objects.filter(email__startswith=term.lower())


def meetings_matching(term: str) -> list[int]:
    """Ids by what people say of a meeting: its number, its title, whose it is or who was there."""
    owned = Q(user__in=list(users_matching(term).values_list("pk", flat=True)[:MAX_MATCHES]))
    if "@" in term:
        invited = Attendee.objects.filter(email__startswith=term.lower()).values_list(
            "meeting", flat=True
        )
        found = Meeting.objects.filter(owned | Q(pk__in=list(invited[:MAX_MATCHES])))
    elif term.isdecimal() and len(term) <= 18:
        found = Meeting.objects.filter(pk=int(term))
    else:
        # One after the other: the database has an index for each, but none for both.
        # Of many the latest, whose syncs are the latest, too, and so at the head of their list.
        titled = Meeting.objects.filter(title__icontains=term).order_by("-pk")
        named = Meeting.objects.filter(owned).order_by()
        return [
            *titled.values_list("pk", flat=True)[:MAX_MATCHES],
            *named.values_list("pk", flat=True)[:MAX_MATCHES],
        ]
    return list(found.order_by().values_list("pk", flat=True)[:MAX_MATCHES])
