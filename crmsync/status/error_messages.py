"""Explains why a sync or an attempt failed, in terms of its CRM. Pure."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crmsync.errors import CATALOGUE, WE_TRY_AGAIN, Actor, Handling
from crmsync.models import SyncAttempt, SyncRun
from crmsync.providers import PROVIDERS
from crmsync.status.messages import ATTEMPT_RESULTS, REMOVAL_REMEDY, RUN_RESULTS


def describe_error(run: SyncRun, code: str, path: str | None = None) -> dict[str, Any]:
    """The document's `error`: why a run does not continue, and what to do.

    `path`: of the refused field, if it is known.
    """
    kind = CATALOGUE[code]
    goes_on = run.status in SyncRun.ACTIVE and kind.handling is not Handling.HOLD
    texts = error_texts(code, run.crm, run.error_field, _detail(run))
    if run.removes and not goes_on:
        texts["remedy"] = str(REMOVAL_REMEDY).format(crm=crm_name(run.crm))
    if goes_on and kind.handling is Handling.RETRY:
        texts["remedy"] = str(WE_TRY_AGAIN)
    return {
        "code": code,
        "category": kind.category,
        **texts,
        "who": Actor.NOBODY if goes_on else kind.actor,
        "retryable": goes_on,
        "field": path,
        "help_url": help_url(code, run.crm),
        "reference": run.reference,
    }


def run_result(run: SyncRun) -> str:
    """The outcome of a run, in a few words."""
    title = error_texts(run.error_code, run.crm, run.error_field)["title"]
    words = {"crm": crm_name(run.crm), "title": title}
    is_removal = run.removes and run.status == SyncRun.Status.FAILED
    key = "failed_removal" if is_removal else run.status
    return str(RUN_RESULTS[key]).format_map(words)


def attempt_result(attempt: SyncAttempt) -> str:
    """The outcome of an attempt, in a few words."""
    if not attempt.error_code and attempt.run.status == SyncRun.Status.CANCELED:
        return str(RUN_RESULTS["canceled"])
    title = error_texts(attempt.error_code, attempt.run.crm)["title"]
    return str(ATTEMPT_RESULTS[attempt.outcome]).format(title=title)


def error_texts(
    code: str, provider: str = "", field: str = "", detail: str = "", crm: str = ""
) -> dict[str, str]:
    """Title, message and remedy of an error code, for one CRM or in general.

    `crm`: what it is called, if not by its name or as the reader's own.
    """
    if not code:
        return {"title": "", "message": "", "remedy": ""}
    kind = CATALOGUE[code]
    words = {
        "crm": crm or crm_name(provider),
        "field": _(field) if field else _("data"),
        "detail": _(detail) if detail else _("(here it gives the reason)"),
    }
    texts = {"title": kind.title, "message": kind.message, "remedy": kind.remedy}
    if detail and "{detail}" not in str(kind.message):
        texts["message"] = f"{kind.message} " + _("{crm} said: “{detail}”")
    if provider and not detail and "{detail}" in str(kind.message):
        texts["message"] = _("{crm} gave no reason.")
    return {name: capitalize_first(str(text).format_map(words)) for name, text in texts.items()}


def help_url(code: str, provider: str) -> str:
    """The help page of a code for one CRM, in the active language."""
    query = urlencode({"crm": provider, "language": get_language() or "en"})
    return f"{settings.PUBLIC_URL}/help/{code}?{query}"


def crm_name(provider: str) -> str:
    return PROVIDERS[provider].name if provider else _("your CRM")


def capitalize_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _detail(run: SyncRun) -> str:
    if not run.error_cause:
        return run.error_detail
    return error_texts(run.error_cause, run.crm)["title"]
