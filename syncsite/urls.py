from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import user_passes_test
from django.http import HttpResponse
from django.urls import URLPattern, include, path
from django.views.generic import RedirectView
from django_rq.urls import urlpatterns as django_rq_urls
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from syncsite import health, pages

handler400 = "syncsite.errors.bad_request"
handler404 = "syncsite.errors.not_found"
handler500 = "syncsite.errors.server_error"


def for_superusers(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """django-rq would let any staff member empty a queue."""

    def is_superuser(user: Any) -> bool:
        return user.is_active and user.is_superuser

    return user_passes_test(is_superuser, login_url="admin:login")(view)


class SwaggerView(SpectacularSwaggerSplitView):
    http_method_names = ["get", "head"]


queue_pages = [
    URLPattern(page.pattern, for_superusers(page.callback), page.default_args, page.name)
    for page in django_rq_urls
]

urlpatterns = [
    path("", include("crmsync.urls")),  # First: nine in ten requests are polls.
    path("", RedirectView.as_view(pattern_name="app")),
    path("app", pages.app, name="app"),
    path("app/states", pages.states, name="states"),
    path("", include("accounts.urls")),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SwaggerView.as_view(url_name="schema"), name="docs"),
    path("admin/queues/", include((queue_pages, "django_rq"))),
    path("admin/", admin.site.urls),
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
]
