"""Pagination for long lists: only the rows of the page are read."""

from typing import Any

from django.core.paginator import EmptyPage, Page, Paginator
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request


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
    """50 a page; `page_size` asks for up to 100."""

    django_paginator_class = DeferringPaginator
    page_size_query_param = "page_size"
    max_page_size = 100

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        sizes = {"type": "integer", "default": 50, "minimum": 1, "maximum": self.max_page_size}
        told: dict[str, dict[str, Any]] = {
            "page": {"description": "The first is 1. A page beyond the last one is empty."},
            "page_size": {"description": "How many rows a page has.", "schema": sizes},
        }
        return [{**one, **told[one["name"]]} for one in parameters]

    def get_page_size(self, request: Request) -> int | None:
        asked = request.query_params.get(self.page_size_query_param, "1")
        is_number = asked.isascii() and asked.isdigit() and len(asked) < 4
        if not is_number or not 1 <= int(asked) <= self.max_page_size:
            reason = _("Choose from 1 to {count}.").format(count=self.max_page_size)
            raise ValidationError({self.page_size_query_param: [reason]})
        return super().get_page_size(request)
