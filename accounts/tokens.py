"""The token that a person sends with every request."""

from typing import Any

from django.conf import settings
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings

REVOCATION_CLAIM = "token_key"


class AccessToken(tokens.AccessToken):
    """Names the user's `token_key`, so that a new password revokes it.

    A token that was signed with one of the SECRET_KEY_FALLBACKS stays valid.
    """

    def __init__(self, token: Any = None, verify: bool = True) -> None:
        try:
            super().__init__(token, verify)
        except TokenError:
            if not any(self._is_signed_with(key, token, verify) for key in _fallbacks()):
                raise

    def _is_signed_with(self, key: str, token: Any, verify: bool) -> bool:
        self._token_backend = TokenBackend(api_settings.ALGORITHM, key, leeway=api_settings.LEEWAY)
        try:
            super().__init__(token, verify)
        except TokenError:
            return False
        return True

    @classmethod
    def for_user(cls, user: Any) -> Any:
        token = super().for_user(user)
        token[REVOCATION_CLAIM] = user.token_key
        return token


def _fallbacks() -> list[str]:
    return settings.SECRET_KEY_FALLBACKS
