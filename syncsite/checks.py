"""Checks of `manage.py check` and `check --deploy` besides Django's own."""

import sqlite3
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import DatabaseError

from crmsync.connections import store
from crmsync.incidents.alerts import WITHOUT_SERVER

OLDEST_SQLITE = (3, 35)  # RETURNING.
LOCAL = {"", "localhost", "127.0.0.1", "::1"}  # Empty: a unix socket.


@register(Tags.security)
def check_credentials_keys(**_: Any) -> list[Error]:
    try:
        for key in settings.CREDENTIALS_KEYS:
            Fernet(key)
    except ValueError:
        hint = "Fernet.generate_key() of the package cryptography makes one."
        return [Error("CREDENTIALS_KEYS has a malformed key.", hint=hint, id="syncsite.E004")]
    return []


@register(Tags.compatibility)
def check_sqlite(**_: Any) -> list[Error]:
    is_sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if is_sqlite and sqlite3.sqlite_version_info < OLDEST_SQLITE:
        hint = "Use a Python that brings SQLite 3.35 or newer, or set DATABASE_URL."
        return [
            Error(f"SQLite {sqlite3.sqlite_version} is too old.", hint=hint, id="syncsite.E015")
        ]
    return []


@register(Tags.security, deploy=True)
def check_deployment(**_: Any) -> list[CheckMessage]:
    return [*_keys(), *_databases(), *_access(), *_times(), *_alerts()]


def _keys() -> Iterator[CheckMessage]:
    for name in settings.GENERATED_KEYS:
        text = f"{name} was generated on this machine; another machine would have another one."
        yield Error(text, hint=f"Set {name}.", id="syncsite.E001")
    try:
        if not check_credentials_keys() and not store.has_keys():
            text = "None of the CREDENTIALS_KEYS decrypts the stored credentials."
            yield Error(text, hint="Add the key that was used before.", id="syncsite.E006")
    except DatabaseError:
        return  # It is away, or not yet migrated.


def _databases() -> Iterator[CheckMessage]:
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        yield Error("The database is SQLite.", hint="Set DATABASE_URL.", id="syncsite.E002")
    if settings.EMBEDDED_SOCKET.as_posix() in settings.REDIS_URL:
        text = "REDIS_URL is not set: the embedded Valkey is for trying things out."
        yield Error(text, hint="Set REDIS_URL.", id="syncsite.E007")
    for name in ("REDIS_URL", "CACHE_URL"):
        address = urlsplit(getattr(settings, name))
        if not address.password and (address.hostname or "") not in LOCAL:
            text = f"{name} leads to another host without a password."
            hint = "Whoever reaches Redis can stop syncs and show people wrong states."
            yield Error(text, hint=hint, id="syncsite.E008")


def _access() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error("DEBUG is on.", hint="Unset DEBUG.", id="syncsite.E003")
    if not settings.ALLOWED_HOSTS_SET or "*" in settings.ALLOWED_HOSTS:
        text = "ALLOWED_HOSTS is not set, or admits every host."
        yield Error(text, hint="Name the hosts of PUBLIC_URL and of the admin.", id="syncsite.E009")
    if not settings.METRICS_TOKEN:
        hint = "Whoever reaches /metrics could read them."
        yield Error("METRICS_TOKEN is not set.", hint=hint, id="syncsite.E010")
    if settings.SANDBOX_FAULTS:
        hint = "Anybody could make syncs last."
        yield Error("SANDBOX_FAULTS is on.", hint=hint, id="syncsite.E011")
    if settings.ALLOW_PRIVATE_CRM_HOSTS:
        hint = "People can have this service call addresses of your network."
        yield Warning("ALLOW_PRIVATE_CRM_HOSTS is on.", hint=hint, id="syncsite.W001")


def _times() -> Iterator[CheckMessage]:
    for name in ("SYNC_LEASE_SECONDS", "SYNC_STEP_SECONDS"):
        if getattr(settings, name) <= settings.CRM_CALL_SECONDS:
            text = f"{name} is not longer than a call to a CRM can take."
            hint = f"Set it to more than {settings.CRM_CALL_SECONDS}."
            yield Error(text, hint=hint, id="syncsite.E005")


def _alerts() -> Iterator[CheckMessage]:
    if not settings.SUPPORT_EMAILS and not settings.ALERT_URLS:
        hint = "Set SUPPORT_EMAILS or ALERT_URLS."
        yield Warning("Nobody is told of incidents.", hint=hint, id="syncsite.W002")
    if settings.SUPPORT_EMAILS and settings.EMAIL_BACKEND in WITHOUT_SERVER:
        text = "SUPPORT_EMAILS is set, but EMAIL_URL is not: no mail leaves this machine."
        yield Error(text, hint="Set EMAIL_URL.", id="syncsite.E012")
    elif settings.EMAIL_BACKEND in WITHOUT_SERVER:
        text = "EMAIL_URL is not set: nobody who has forgotten their password gets the mail."
        yield Warning(text, hint="Set EMAIL_URL.", id="syncsite.W004")
    for address in settings.SUPPORT_EMAILS:
        if not _is_email(address):
            text = f"SUPPORT_EMAILS has {address!r}, which is no e-mail address."
            yield Error(text, id="syncsite.E013")
    # Loading it takes a second, and every command loads this module.
    understands = import_module("apprise").Apprise().add
    if not all(understands(url) for url in settings.ALERT_URLS):
        text = "Apprise does not understand one of the ALERT_URLS."
        yield Error(text, id="syncsite.E014")


def _is_email(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True
