"""Checks of `manage.py check` and `check --deploy` besides Django's own."""

from collections.abc import Iterator
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import Error, Tags, register


@register(Tags.security)
def check_credentials_keys(**_: Any) -> list[Error]:
    try:
        for key in settings.CREDENTIALS_KEYS:
            Fernet(key)
    except ValueError:
        hint = "Fernet.generate_key() of the package cryptography makes one."
        return [Error("CREDENTIALS_KEYS has a malformed key.", hint=hint, id="syncsite.E004")]
    return []


@register(Tags.security, deploy=True)
def check_deployment(**_: Any) -> list[Error]:
    return list(_unfit_for_production())


def _unfit_for_production() -> Iterator[Error]:
    for name in settings.GENERATED_KEYS:
        text = f"{name} was generated on this machine; another machine would have another one."
        yield Error(text, hint=f"Set {name}.", id="syncsite.E001")
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        yield Error("The database is SQLite.", hint="Set DATABASE_URL.", id="syncsite.E002")
    if settings.SYNC_LEASE_SECONDS <= settings.CRM_CALL_SECONDS:
        text = "SYNC_LEASE_SECONDS is not longer than a call to a CRM can take."
        yield Error(text, hint="A worker would count as lost in a call.", id="syncsite.E005")
    if settings.DEBUG:
        yield Error("DEBUG is on.", hint="Unset DEBUG.", id="syncsite.E003")
