"""Errors are JSON: DRF's shape, with a `code` beside every `detail`."""

from collections.abc import Iterator
from typing import Any

import structlog
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from crmsync.api.exceptions import Unavailable
from crmsync.errors import DATABASE_UNAVAILABLE

logger = structlog.get_logger(__name__)


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(exc, DATABASE_UNAVAILABLE):
        logger.error("database unavailable", error=str(exc))
        exc = Unavailable()
    elif isinstance(exc, Http404):  # One text for every kind of 404.
        exc = NotFound()
    response = drf_exception_handler(exc, context)
    if response is not None and isinstance(response.data, dict) and "detail" in response.data:
        response.data.setdefault("code", getattr(response.data["detail"], "code", "error"))
        response.data.pop("messages", None)  # SimpleJWT's, about classes.
        response.data |= getattr(exc, "extra", {})
    if response is not None and isinstance(exc, ValidationError):
        response.data = _with_problems(exc.detail)
    return response


def refuse(error: APIException) -> HttpResponse:
    """The same answer outside a view of DRF."""
    response = exception_handler(error, {})
    assert response is not None
    headers = {name: value for name, value in response.items() if name != "Content-Type"}
    return JsonResponse(response.data, status=response.status_code, headers=headers)


def _with_problems(detail: Any) -> dict[str, Any]:
    """DRF's keys, and beside them one list of all problems with their paths."""
    by_field = detail if isinstance(detail, dict) else {"non_field_errors": detail}
    problems = list(_problems_in(by_field, ""))
    first = problems[0]["message"] if problems else ""
    return {**by_field, "detail": first, "code": "invalid", "errors": problems}


def _problems_in(detail: Any, path: str) -> Iterator[dict[str, str]]:
    """Paths are such as `attendees[1].email`; empty for what concerns the whole."""
    if isinstance(detail, dict):
        for name, part in detail.items():
            yield from _problems_in(part, _joined(path, name))
    elif isinstance(detail, list):
        for number, part in enumerate(detail):
            is_item = isinstance(part, dict)
            yield from _problems_in(part, f"{path}[{number}]" if is_item else path)
    else:
        code = getattr(detail, "code", "invalid")
        yield {"path": path, "code": code, "message": str(detail)}


def _joined(path: str, name: str | int) -> str:
    if isinstance(name, int):  # DRF names the places of a list so.
        return f"{path}[{name}]"
    return ".".join(filter(None, [path, "" if name == "non_field_errors" else name]))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_people(request):
        return defaults.bad_request(request, exception)
    return JsonResponse({"detail": "Bad request.", "code": "bad_request"}, status=400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_people(request):
        return defaults.page_not_found(request, exception)
    return JsonResponse({"detail": NotFound.default_detail, "code": "not_found"}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    if _is_for_people(request):
        return defaults.server_error(request)
    return JsonResponse({"detail": "A server error occurred.", "code": "error"}, status=500)


def _is_for_people(request: HttpRequest) -> bool:
    return request.path.startswith(("/admin", "/help", "/mails", "/password/new"))
