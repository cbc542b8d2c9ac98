"""What can be connected, and with what: labels and help for a form. Data."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from crmsync.providers import OAUTH, PROVIDERS
from crmsync.providers.options import LISTS
from crmsync.status.messages import Text

TOKEN = _("Token")
# By provider and credential: label, and where to find it.
FIELDS: dict[str, dict[str, tuple[Text, Text]]] = {
    "hubspot": {"token": (TOKEN, _("In HubSpot: Development > Keys > Service keys."))},
    "salesforce": {
        "instance_url": (
            _("Address"),
            _("In Salesforce: Setup > My Domain. It ends with my.salesforce.com."),
        ),
        "access_token": (TOKEN, _("It ends soon. Signing in at Salesforce is better.")),
    },
    "bottlecrm": {
        "url": (_("Address"), _("That of your BottleCRM server, as in https://crm.example.com.")),
        "token": (TOKEN, _("In BottleCRM: Settings > API tokens > New token.")),
    },
    "sandbox": {},
}
OPTIONS: dict[str, tuple[Text, Text]] = {
    "internal_domains": (
        _("Domains of colleagues"),
        _("Their people are not saved. Usually that of your own e-mail address."),
    ),
    "skip_addresses": (
        _("Addresses to leave out"),
        _("Rooms and note-takers are known already."),
    ),
    "create_people": (
        _("Who is not in the CRM yet"),
        _("Is made as a contact or a lead, or is left out."),
    ),
    "owner": (_("Owner"), _("The meeting belongs to the user with your e-mail address.")),
    "company": (_("Company"), _("The meeting is linked to the companies of its people.")),
}


def describe_providers() -> list[dict[str, Any]]:
    return [_describe(name) for name in PROVIDERS]


def _describe(name: str) -> dict[str, Any]:
    provider = PROVIDERS[name]
    return {
        "name": name,
        "label": provider.name,
        "sign_in": name in OAUTH and bool(OAUTH[name]().client_id),
        "fields": [_field(name, credential) for credential in provider.needs],
        "options": [_option(option, provider.choices.get(option)) for option in _options_of(name)],
        "help_url": f"{settings.PUBLIC_URL}/help/connection_expired?crm={name}",
    }


def _field(provider: str, name: str) -> dict[str, Any]:
    label, help_text = FIELDS[provider][name]
    is_secret = name == PROVIDERS[provider].token
    texts = {"label": str(label), "help": str(help_text)}
    return {"name": name, **texts, "secret": is_secret, "required": True, "choices": None}


def _option(name: str, choices: Any) -> dict[str, Any]:
    label, help_text = OPTIONS[name]
    texts = {"label": str(label), "help": str(help_text)}
    shown = list(choices) if choices else None
    return {"name": name, **texts, "secret": False, "required": False, "choices": shown}


def _options_of(provider: str) -> list[str]:
    return [*LISTS, *PROVIDERS[provider].choices]
