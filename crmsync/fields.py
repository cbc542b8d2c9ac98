"""Encrypted JSON at rest: Fernet with rotating keys, decrypted only on demand."""

import json
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


@dataclass(frozen=True)
class Sealed:
    """An encrypted JSON object. Its text and repr show nothing; only `open()` decrypts."""

    token: str

    @classmethod
    def seal(cls, value: dict[str, Any]) -> "Sealed":
        return cls(_keys().encrypt(json.dumps(value).encode()).decode())

    def open(self) -> dict[str, Any]:
        """Raises cryptography.fernet.InvalidToken if no current key fits."""
        return json.loads(_keys().decrypt(self.token.encode())) if self.token else {}

    def has_newest_key(self) -> bool:
        try:
            Fernet(settings.CREDENTIALS_KEYS[0]).decrypt(self.token.encode())
        except InvalidToken:
            return False
        return True

    def __repr__(self) -> str:
        return "<Sealed>"

    __str__ = __repr__


class EncryptedJSONField(models.TextField):
    """Holds a `Sealed`. Reading a row decrypts nothing, so a lost key breaks no list and no job."""

    # For django-stubs: the types that the attribute accepts and returns.
    _pyi_private_set_type: Sealed  # type: ignore[assignment]
    _pyi_private_get_type: Sealed  # type: ignore[assignment]

    def from_db_value(self, value: str | None, *_: Any) -> Sealed | None:
        return None if value is None else Sealed(value)

    def to_python(self, value: Any) -> Any:
        return value if value is None or isinstance(value, Sealed) else Sealed(value)

    def get_prep_value(self, value: Any) -> Any:
        return value.token if isinstance(value, Sealed) else super().get_prep_value(value)

    def value_to_string(self, obj: models.Model) -> str:
        sealed: Sealed = getattr(obj, self.attname)
        return sealed.token


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.CREDENTIALS_KEYS])
