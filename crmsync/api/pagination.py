"""Pagination for long lists: only the rows of the page are read."""

from typing import Any

from django.core.paginator import EmptyPage, Page, Paginator
from rest_framework.pagination import PageNumberPagination


class EmptiedPage(Page[Any]):
    """A page whose rows have gone since; the last one that has any comes before it."""

    def previous_page_number(self) -> int:
        return self.paginator.num_pages


class DeferringPaginator(Paginator):
    """Skips ids in an index instead of whole rows."""

    def page(self, number: Any) -> Page[Any]:
        try:
            page = super().page(number)
        except EmptyPage:
            if int(number) < 1:
                raise
            return EmptiedPage([], int(number), self)
        rows: Any = self.object_list
        pks: Any = page.object_list
        page.object_list = rows.filter(pk__in=pks.values("pk"))
        return page


class DeferringPagination(PageNumberPagination):
    django_paginator_class = DeferringPaginator
