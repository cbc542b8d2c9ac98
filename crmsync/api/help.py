from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from crmsync.errors import CATALOGUE
from crmsync.providers import PROVIDERS
from crmsync.status.error_messages import error_texts
from crmsync.status.help_texts import IN_THE_CRM, STATES

LANGUAGES = dict(settings.LANGUAGES)


def help_page(request: HttpRequest, code: str) -> HttpResponse:
    """One cause. `?crm=` picks a CRM, `?language=` a language."""
    if code not in CATALOGUE:
        raise Http404
    provider = _provider_of(request)
    with _language_of(request):
        words = {"code": code, "crms": _advice(code, provider), **error_texts(code, provider)}
        return _render(request, "crmsync/help.html", words)


def help_state(request: HttpRequest, state: str) -> HttpResponse:
    if state not in STATES:
        raise Http404
    with _language_of(request):
        title, message, remedy = STATES[state]
        return _render(
            request,
            "crmsync/help.html",
            {"code": state, "title": title, "message": message, "remedy": remedy},
        )


def help_index(request: HttpRequest) -> HttpResponse:
    with _language_of(request):
        causes = {code: error_texts(code)["title"] for code in CATALOGUE}
        states = {state: words[0] for state, words in STATES.items()}
        return _render(request, "crmsync/help_index.html", {"causes": causes, "states": states})


def _advice(code: str, provider: str) -> dict[str, list[Any]]:
    """What to do in the CRM, or in each if none is named."""
    known = IN_THE_CRM.get(code, {})
    return {PROVIDERS[name].name: steps for name, steps in known.items() if provider in ("", name)}


def _provider_of(request: HttpRequest) -> str:
    named = request.GET.get("crm", "")
    return named if named in PROVIDERS else ""


def _language_of(request: HttpRequest) -> translation.override:
    """The one that a link names, else the browser's."""
    named = request.GET.get("language", "")
    return translation.override(named if named in LANGUAGES else translation.get_language())


def _render(request: HttpRequest, template: str, words: dict[str, Any]) -> HttpResponse:
    named = request.GET.get("language", "")
    query = f"?language={named}" if named in LANGUAGES else ""
    response = render(request, template, {**words, "query": query})
    response["Content-Language"] = translation.get_language() or "en"
    return response
