from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.filters import SearchFilter
from rest_framework.request import Request

MOST_TERMS = 10


class BoundedSearchFilter(SearchFilter):
    """Every term is a condition of its own, and a database takes only so many."""

    def get_search_terms(self, request: Request) -> Any:
        terms = super().get_search_terms(request)
        if len(terms) > MOST_TERMS:
            text = _("Search for at most {count} words.").format(count=MOST_TERMS)
            raise ValidationError({self.search_param: [text]})
        return terms
