"""Refuses query parameters that the view does not know, and those that are given twice."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ErrorDetail, ValidationError

from syncsite.errors import refuse

UNKNOWN = _("There is no such parameter.")
REPEATED = _("Give this parameter once.")
REPEATABLE = {"state"}
APPS = {"accounts", "meetings", "crmsync"}  # The schema's own views know others.


class QueryMiddleware:
    """A view names its parameters in `known_parameters`, by action or method; None: any."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> HttpResponse | None:
        if not request.META.get("QUERY_STRING") or request.method == "OPTIONS":
            return None
        method = str(request.method).lower()
        known = _known_to(view, "get" if method == "head" else method)
        problems = {} if known is None else dict(_problems(request, known))
        return refuse(ValidationError(problems)) if problems else None


def _known_to(view: Any, method: str) -> set[str] | None:
    cls = getattr(view, "cls", None)
    if cls is None or cls.__module__.partition(".")[0] not in APPS:
        return None
    by_action: Mapping[str, set[str]] | None = getattr(cls, "known_parameters", {})
    if by_action is None:
        return None
    action = (getattr(view, "actions", None) or {}).get(method, method)
    return by_action.get(action, set())


def _problems(request: HttpRequest, known: set[str]) -> Any:
    for name in request.GET:
        if name not in known:
            yield name, [ErrorDetail(str(UNKNOWN), "unknown")]
        elif len(request.GET.getlist(name)) > 1 and name not in REPEATABLE:
            yield name, [ErrorDetail(str(REPEATED), "repeated")]
