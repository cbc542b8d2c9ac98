"""The reference page of frontend/, and its gallery."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from crmsync.support import sample_states

LANGUAGES = dict(settings.LANGUAGES)


@require_safe
def app(request: HttpRequest) -> HttpResponse:
    """Whoever is signed in is known to its script alone."""
    return render(request, "app.html", {"is_local": settings.IS_LOCAL})


@require_safe
def states(request: HttpRequest) -> HttpResponse:
    """Every state and every error, from `seed --states`. `?language=` as on help pages."""
    named = request.GET.get("language", "")
    language = named if named in LANGUAGES else translation.get_language() or settings.LANGUAGE_CODE
    with translation.override(language):
        samples = sample_states.documents(language)
        return render(request, "states.html", {"samples": samples})
