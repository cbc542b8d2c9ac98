"""Django's middleware, reduced for API calls."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from corsheaders import middleware as cors
from django.conf import settings
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponse
from django.middleware import clickjacking, common, csrf
from django.utils import translation
from django.utils.cache import patch_vary_headers

PROBES = {"/livez", "/readyz", "/metrics"}
MAX_ACCEPT_LANGUAGE = 500  # Django's own limit.
GetResponse = Callable[[HttpRequest], HttpResponse]


class CommonMiddleware(common.CommonMiddleware):
    """Probes may name any host, because load balancers send addresses."""

    def process_request(self, request: HttpRequest) -> Any:
        return None if request.path_info in PROBES else super().process_request(request)


class AdminOnly:
    """Skips a middleware outside the admin; only the admin has sessions."""

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
    """Skipped without an Origin header, which only cross-origin requests need."""

    def __call__(self, request: HttpRequest) -> Any:
        if "HTTP_ORIGIN" in request.META:
            return super().__call__(request)
        return self.get_response(request)


class LanguageMiddleware:
    """Django's LocaleMiddleware, reduced to Accept-Language."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        accepted = request.META.get("HTTP_ACCEPT_LANGUAGE", "")[:MAX_ACCEPT_LANGUAGE]
        # The admin is in one language, so that no page mixes two.
        is_admin = request.path_info.startswith("/admin")
        translation.activate(settings.LANGUAGE_CODE if is_admin else _negotiate(accepted))
        response = self.get_response(request)
        # The caller may have chosen another one.
        response.headers.setdefault("Content-Language", translation.get_language())
        # A browser may keep an answer, and show it to a page of another origin later.
        if "Vary" in response.headers:
            patch_vary_headers(response, ("Accept-Language", "origin"))
        else:
            response.headers["Vary"] = "Accept-Language, origin"
        return response


@lru_cache(1000)
def _negotiate(accepted: str) -> str:
    asking = HttpRequest()
    asking.META["HTTP_ACCEPT_LANGUAGE"] = accepted
    return translation.get_language_from_request(asking)
