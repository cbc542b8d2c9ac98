"""Pages of a list that may be long: its rows are read for the page only."""

from typing import Any

from django.core.paginator import Page, Paginator
from rest_framework.pagination import PageNumberPagination


class DeferringPaginator(Paginator):
    """Skips over ids, which an index holds, instead of over rows."""

    def page(self, number: Any) -> Page[Any]:
        page = super().page(number)
        rows: Any = self.object_list
        pks: Any = page.object_list
        page.object_list = rows.filter(pk__in=pks.values("pk"))
        return page


class DeferringPagination(PageNumberPagination):
    django_paginator_class = DeferringPaginator
