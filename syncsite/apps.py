from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import apps as admin_apps
from django.db import connections
from django.db.models.signals import pre_migrate


class SupportDeskConfig(admin_apps.AdminConfig):
    default = False  # SyncsiteConfig is the default.
    default_site = "syncsite.admin.SupportSite"


class SyncsiteConfig(AppConfig):
    name = "syncsite"

    def ready(self) -> None:
        import_module("syncsite.checks")  # Registers them; it needs the models.
        if settings.SENTRY_DSN:
            import_module("syncsite.sentry")
        pre_migrate.connect(lift_time_limits)


def lift_time_limits(using: str, **_: Any) -> None:
    """A migration may run for long, but not wait for a lock while others queue behind it."""
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
