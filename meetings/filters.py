from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.filters import SearchFilter
from rest_framework.request import Request

from meetings.models import Attendee

MAX_TERMS = 10


class MeetingSearchFilter(SearchFilter):
    """Limits the terms: each is a condition, and databases accept only so many."""

    search_description = (
        f"Up to {MAX_TERMS} words; each is in the title, or in a name or an address of an attendee."
    )

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        found = queryset
        for term in self.get_search_terms(request):
            found = found.filter(pk__in=_matches(queryset.order_by(), term))
        return found

    def get_search_terms(self, request: Request) -> Any:
        terms = super().get_search_terms(request)
        if len(terms) > MAX_TERMS:
            text = _("Search for at most {count} words.").format(count=MAX_TERMS)
            raise ValidationError({self.search_param: [text]})
        return terms


def _matches(meetings: Any, term: str) -> QuerySet[Any]:
    """A union: no index serves the title and the attendees at once."""
    who = Q(email__icontains=term) | Q(name__icontains=term)
    invited = Attendee.objects.filter(who, meeting__in=meetings.values("pk")).order_by()
    titled = meetings.filter(title__icontains=term).values("pk")
    return titled.union(invited.values("meeting"))
