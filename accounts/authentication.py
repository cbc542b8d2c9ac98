from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts import cache
from accounts.models import User


class AuthenticatedRequest(Request):
    """For annotations: behind IsAuthenticated the user is never anonymous."""

    user: User


class TokenAuthentication(JWTAuthentication):
    """SimpleJWT's, with the token bare or behind `Bearer`, and with the user from Redis."""

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def get_raw_token(self, header: bytes) -> bytes | None:
        parts = header.split()
        return parts[0] if len(parts) == 1 else super().get_raw_token(header)

    def get_user(self, validated_token: Token) -> Any:
        user = _look_up(_user_id(validated_token))
        if user is None:
            raise AuthenticationFailed("User not found", code="user_not_found")
        if not user["is_active"]:
            raise AuthenticationFailed("User is inactive", code="user_inactive")
        if validated_token.get(api_settings.REVOKE_TOKEN_CLAIM) != user["revocation"]:
            raise AuthenticationFailed(
                _("The user's password has been changed."), code="password_changed"
            )
        # The other fields, the password among them, stay in the database until somebody reads one.
        return User.from_db(None, ("id", "email", "is_active"), _values(user))


def _user_id(token: Token) -> int:
    try:
        return int(token[api_settings.USER_ID_CLAIM])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidToken("Token contained no recognizable user identification") from error


def _look_up(pk: int) -> cache.CachedUser | None:
    found = cache.find(pk)
    if found is None:
        user = User.objects.filter(pk=pk).first()
        if user is None:
            return None
        found = cache.CachedUser(
            id=user.pk,
            email=user.email,
            is_active=user.is_active,
            revocation=get_md5_hash_password(user.password),
        )
        cache.keep(found)
    return found


def _values(user: cache.CachedUser) -> tuple[int, str, bool]:
    return user["id"], user["email"], user["is_active"]


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "Authorization"}
