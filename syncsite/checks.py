"""What `manage.py check --deploy` refuses besides Django's own list."""

from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, register


@register(Tags.security, deploy=True)
def check_deployment(**_: Any) -> list[Error]:
    embedded = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    return [
        *(_generated_key(name) for name in settings.GENERATED_KEYS),
        *(
            [Error("The database is SQLite.", hint="Set DATABASE_URL.", id="syncsite.E002")]
            * embedded
        ),
        *([Error("DEBUG is on.", hint="Unset DEBUG.", id="syncsite.E003")] * settings.DEBUG),
    ]


def _generated_key(name: str) -> Error:
    return Error(
        f"{name} was generated on this machine; another machine would have another one.",
        hint=f"Set {name}.",
        id="syncsite.E001",
    )
