"""Says why a CRM could not be connected. Nothing was stored then, and nothing is tried again."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from crmsync.errors import CATALOGUE, CrmError
from crmsync.models import Connection
from crmsync.providers import PROVIDERS
from crmsync.status.error_messages import capitalize_first, crm_name, error_texts, help_url
from crmsync.status.help_texts import IN_THE_CRM
from crmsync.status.messages import Text

NOTHING_STORED = _("Nothing was stored, and what was connected before stays connected.")
TRY_LATER = _("Please try again in a few minutes.")
# Where the words of a sync do not fit: message, if it does not, and remedy.
WORDS: dict[str, tuple[Text | None, Text]] = {
    "crm_rate_limited": (
        _("{crm} takes no more requests at the moment, so your sign-in could not be checked."),
        TRY_LATER,
    ),
    "crm_daily_quota_used": (
        _("Your account at {crm} has used up its requests for today."),
        _("Please try again tomorrow, or ask the administrator of {crm} for more."),
    ),
    "crm_unavailable": (
        _("{crm} could not be reached, so your sign-in could not be checked."),
        TRY_LATER,
    ),
    "crm_timeout": (_("{crm} took too long to check your sign-in."), TRY_LATER),
    "record_locked": (_("{crm} is busy, so your sign-in could not be checked."), TRY_LATER),
    "connection_expired": (
        None,
        _("Check your credentials for typing errors, or get new ones in {crm}."),
    ),
    "wrong_address": (
        _("What answers at this address, if anything does, is not {crm}."),
        _("Check the address. It begins with https:// and is that of the API."),
    ),
    "unexpected_error": (
        _("We did not understand the answer of {crm}."),
        _("Please try again. If it happens again, tell our support when you tried."),
    ),
}


# What the CRM does not let this person do, and what follows.
DEGRADED: dict[str, Text] = {
    "unique_key": _(
        "{crm} has no field of its own for our key, so we look for a meeting before we write it."
    ),
    "owner": _(
        "We found no user of {crm} with your e-mail address, or may not look. New meetings belong"
        " to whoever connected {crm}."
    ),
    "companies": _("We may not see companies in {crm}, so meetings are linked to people only."),
    "leads": _("You may not see leads in {crm}, so only contacts are found."),
    "shared_activities": _(
        "Shared Activities is off in {crm}, so a meeting there names one person only."
    ),
}


def describe_degraded(connection: Connection) -> list[dict[str, str]]:
    words = {"crm": crm_name(connection.provider)}
    codes = [code for code in connection.degraded if code in DEGRADED]
    return [{"code": code, "text": str(DEGRADED[code]).format_map(words)} for code in codes]


def describe_refusal(error: CrmError, provider: str) -> dict[str, Any]:
    """The catalogue's error object, in words for connecting."""
    texts = _texts(error.code, provider, error.field, error.detail)
    return {**_fixed(error.code, provider), **texts, "field": _field(error.code, provider)}


def describe_standing(connection: Connection) -> dict[str, Any] | None:
    """Why a stored connection does not work, in the words of a sync; None if it works."""
    code, provider = connection.last_error, connection.provider
    if not code:
        return None
    return {**_fixed(code, provider), **error_texts(code, provider), "field": None}


def _fixed(code: str, provider: str) -> dict[str, Any]:
    kind = CATALOGUE[code]
    return {
        "code": code,
        "category": kind.category,
        "who": kind.actor,
        "retryable": False,
        "help_url": help_url(code, provider),
        "reference": "",
    }


def _texts(code: str, provider: str, field: str, detail: str) -> dict[str, str]:
    texts = error_texts(code, provider, field, detail)
    message, remedy = WORDS.get(code, (None, texts["remedy"]))
    told = str(message).format(crm=crm_name(provider)) if message else texts["message"]
    where = IN_THE_CRM[code].get(provider, []) if code == "wrong_address" else []
    return {
        "title": texts["title"],
        "message": f"{capitalize_first(told)} {NOTHING_STORED}",
        "remedy": " ".join([str(remedy).format(crm=crm_name(provider)), *map(str, where)]),
    }


def _field(code: str, provider: str) -> str | None:
    """The credential at fault."""
    if provider not in PROVIDERS:
        return None
    wanted = {
        "wrong_address": PROVIDERS[provider].address,
        "connection_expired": PROVIDERS[provider].token,
    }
    name = wanted.get(code)
    return f"credentials.{name}" if name else None
