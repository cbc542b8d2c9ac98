"""Django's middleware where an API call can do with less of it; a page gets all."""

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from corsheaders import middleware as cors
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.core.exceptions import RequestDataTooBig
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    JsonResponse,
    UnreadablePostError,
)
from django.middleware import clickjacking, csrf
from django.utils import translation
from django.utils.cache import patch_vary_headers

MAX_READERS = 2  # Of the four threads in the Procfile.
ACQUIRE_TIMEOUT = 0.05
MAX_ACCEPT_LANGUAGE = 500  # Django reads no further either.
GetResponse = Callable[[HttpRequest], HttpResponse]


class BodyMiddleware:
    """Lets few threads of a process read bodies at a time: slow clients get no more than those.

    What arrives whole, as nearly all does, is read in no time.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.readers = threading.BoundedSemaphore(MAX_READERS)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.META.get("CONTENT_LENGTH") in (None, "", "0"):
            return self.get_response(request)
        if not self.readers.acquire(timeout=ACQUIRE_TIMEOUT):
            return _busy()
        try:
            _ = request.body
        except RequestDataTooBig:
            pass  # The view meets the same, and answers.
        except UnreadablePostError:
            return HttpResponseBadRequest()  # Whoever sent it is gone.
        finally:
            self.readers.release()
        return self.get_response(request)


def _busy() -> HttpResponse:
    refusal = {"detail": "Too many bodies arrive at once.", "code": "unavailable"}
    return JsonResponse(refusal, status=503, headers={"Retry-After": "1"})


class AdminOnly:
    """Skips a middleware outside the admin, which alone has sessions."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith("/admin"):
            return super().__call__(request)  # type: ignore[misc]
        return self.get_response(request)


class AdminSessionMiddleware(AdminOnly, sessions.SessionMiddleware):
    pass


class AdminCsrfMiddleware(AdminOnly, csrf.CsrfViewMiddleware):
    def process_view(self, request: HttpRequest, *view: Any) -> Any:
        is_admin = request.path_info.startswith("/admin")
        return super().process_view(request, *view) if is_admin else None


class AdminAuthenticationMiddleware(AdminOnly, auth.AuthenticationMiddleware):
    pass


class AdminMessageMiddleware(AdminOnly, messages.MessageMiddleware):
    pass


class AdminFrameOptionsMiddleware(AdminOnly, clickjacking.XFrameOptionsMiddleware):
    pass


class CorsMiddleware(cors.CorsMiddleware):
    """Only browsers on pages of another origin ask for what it does, and they name theirs."""

    def __call__(self, request: HttpRequest) -> Any:
        if "HTTP_ORIGIN" in request.META:
            return super().__call__(request)
        return self.get_response(request)


class LanguageMiddleware:
    """Django's LocaleMiddleware for a site whose addresses and cookies name no language."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = _negotiate(request.META.get("HTTP_ACCEPT_LANGUAGE", "")[:MAX_ACCEPT_LANGUAGE])
        translation.activate(language)
        response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        if "Vary" in response.headers:
            patch_vary_headers(response, ("Accept-Language",))
        else:
            response.headers["Vary"] = "Accept-Language"
        return response


@lru_cache(1000)
def _negotiate(accepted: str) -> str:
    asking = HttpRequest()
    asking.META["HTTP_ACCEPT_LANGUAGE"] = accepted
    return translation.get_language_from_request(asking)
