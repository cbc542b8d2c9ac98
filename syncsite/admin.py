"""The admin site, with the support desk as its start page."""

from http import HTTPStatus
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.clients import client_of
from accounts.throttles import GUESSING
from crmsync.operations import support_actions
from crmsync.support import dashboard


class SupportSite(AdminSite):
    site_header = site_title = "syncsite"
    index_title = "Support desk"
    index_template = "syncsite/support_desk.html"
    enable_nav_sidebar = False  # The lists need its width.

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Passwords are guessed here no faster than in the API."""
        guesses = [throttle() for throttle in GUESSING if request.method == "POST"]
        waits = [guess.wait() for guess in guesses if not guess.allow_request(request)]
        if not waits:
            return self._log_in(request, extra_context)
        headers = {"Retry-After": str(max(waits))}
        context = {**self.each_context(request), "seconds": max(waits)}
        template = "syncsite/too_many_logins.html"
        return TemplateResponse(request, template, context, status=429, headers=headers)

    def _log_in(self, request: HttpRequest, extra_context: dict[str, Any] | None) -> HttpResponse:
        response = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            support_actions.record_log_in(request.user, client_of(request))
        return response

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        context = dict(extra_context or {})
        if request.user.has_perm("crmsync.view_syncrun"):
            context["overview"] = dashboard.read(timezone.now())
        return super().index(request, context)
