"""Pagination for long lists: only the rows of the page are read."""

from typing import Any

from django.core.paginator import Page, Paginator
from rest_framework.pagination import PageNumberPagination


class DeferringPaginator(Paginator):
    """Skips ids in an index instead of whole rows."""

    def page(self, number: Any) -> Page[Any]:
        page = super().page(number)
        rows: Any = self.object_list
        pks: Any = page.object_list
        page.object_list = rows.filter(pk__in=pks.values("pk"))
        return page


class DeferringPagination(PageNumberPagination):
    django_paginator_class = DeferringPaginator
