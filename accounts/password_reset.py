"""The token in a mail with which a person chooses a new password. It works once, for an hour."""

from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db.models import Q

from accounts.models import User


class _TokenGenerator(PasswordResetTokenGenerator):
    """Django's, but a sign-in elsewhere ends no token."""

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{user.pk}{user.password}{timestamp}{user.email}"


_generator = _TokenGenerator()


def make_token(user: User) -> str:
    return f"{user.pk}.{_generator.make_token(user)}"


def user_of(token: str, *, is_locked: bool = False) -> User | None:
    """Whose it is, if it still works. A new password ends it, as does a new address.

    `is_locked`: the row of the user is, until the end of the transaction.
    """
    pk, _, rest = token.partition(".")
    if not (pk.isascii() and pk.isdigit() and len(pk) <= 18):
        return None
    people = may_reset().select_for_update(no_key=True) if is_locked else may_reset()
    user = people.filter(pk=pk).first()
    return user if user is not None and _generator.check_token(user, rest) else None


def may_reset() -> Any:
    """People who sign in with a password."""
    with_password = ~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    return User.objects.filter(with_password, is_active=True)
