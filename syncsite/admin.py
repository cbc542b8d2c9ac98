"""The admin site, with the support desk as its start page."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone

from crmsync.support import dashboard


class SupportSite(AdminSite):
    site_header = site_title = "syncsite"
    index_title = "Support desk"
    index_template = "syncsite/support_desk.html"
    enable_nav_sidebar = False  # The lists need its width.

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        context = dict(extra_context or {})
        if request.user.has_perm("crmsync.view_syncrun"):
            context["overview"] = dashboard.read(timezone.now())
        return super().index(request, context)
