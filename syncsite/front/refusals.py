"""Answers to requests that the front refused to read or to run."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _

REFUSED = "syncsite.refused"  # The key in a WSGI environ, with the status.
REFUSALS = {
    408: ("body_timeout", _("The request body did not arrive in time.")),
    413: ("body_too_large", _("The request body is larger than this service accepts.")),
    503: ("unavailable", _("Too many such requests are being answered. Try again in a moment.")),
}


class RefusedError(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


class RefusedMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        status = request.META.get(REFUSED)
        return self.get_response(request) if status is None else _refusal(status)


def _refusal(status: int) -> HttpResponse:
    code, text = REFUSALS[status]
    # Nobody reads the rest of a body that was refused.
    headers = {"Retry-After": "5"} if status == 503 else {"Connection": "close"}
    return JsonResponse({"detail": text, "code": code}, status=status, headers=headers)
