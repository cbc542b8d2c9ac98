"""The token that a person sends with every request."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings

from accounts.cache import users
from accounts.models import EndedToken, User, new_token_key

MAX_ENDED = 100  # Of a person.
ID_CLAIM = api_settings.JTI_CLAIM


class AccessToken(tokens.AccessToken):
    """Its id begins with the user's `token_key`, so that a new password revokes it.

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
        return super().for_user(user)._with_key(user.token_key)

    @property
    def key(self) -> str:
        """The `token_key` of its owner when it was made."""
        return key_of(self.get(ID_CLAIM, ""))

    def _with_key(self, key: str) -> "AccessToken":
        self[ID_CLAIM] = f"{key}.{self[ID_CLAIM]}"
        return self


def key_of(token_id: str) -> str:
    return token_id.rpartition(".")[0]


def renew(token: AccessToken) -> AccessToken:
    """Counts as long as the given one would, had it not expired: until the next new password."""
    renewed = AccessToken()
    renewed[api_settings.USER_ID_CLAIM] = token[api_settings.USER_ID_CLAIM]
    return renewed._with_key(token.key)


def lock_owner(user_id: int, key: str) -> bool:
    """Whether tokens with this key still count, until the end of the transaction."""
    owners = User.objects.select_for_update(no_key=True)
    return bool(owners.filter(pk=user_id, token_key=key, is_active=True).values_list("pk"))


@transaction.atomic
def end(user_id: int, token: Any) -> None:
    """The token counts no longer, from the commit on; after very many, no other does either."""
    users.invalidate(user_id)
    transaction.on_commit(partial(users.invalidate, user_id))
    ended = EndedToken.objects.filter(user=user_id)
    if ended.count() >= MAX_ENDED:  # Each is read with every request.
        ended.delete()
        User.objects.filter(pk=user_id).update(token_key=new_token_key())
        return
    expires_at = datetime.fromtimestamp(token["exp"], UTC)
    made = {"user_id": user_id, "expires_at": expires_at}
    EndedToken.objects.get_or_create(jti=token[ID_CLAIM], defaults=made)


def forget_expired(now: datetime) -> None:
    EndedToken.objects.filter(expires_at__lt=now).delete()


def _fallbacks() -> list[str]:
    return settings.SECRET_KEY_FALLBACKS
