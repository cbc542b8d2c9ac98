"""Errors are JSON: DRF's shape, with a `code` beside every `detail`."""

from typing import Any

import structlog
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework.exceptions import NotFound
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
        response.data |= getattr(exc, "extra", {})
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_people(request):
        return defaults.bad_request(request, exception)
    return JsonResponse({"detail": "Bad request.", "code": "bad_request"}, status=400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_people(request):
        return defaults.page_not_found(request, exception)
    return JsonResponse({"detail": "Not found.", "code": "not_found"}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    if _is_for_people(request):
        return defaults.server_error(request)
    return JsonResponse({"detail": "A server error occurred.", "code": "error"}, status=500)


def _is_for_people(request: HttpRequest) -> bool:
    return request.path.startswith(("/admin", "/help", "/mails"))
