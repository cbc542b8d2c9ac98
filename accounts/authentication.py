import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, cast

from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from redis.exceptions import RedisError
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token
from rest_framework_simplejwt.utils import aware_utcnow

from accounts.cache import users
from accounts.cache.key_lock import key_lock
from accounts.models import User
from accounts.tokens import ID_CLAIM, AccessToken, key_of

MAX_VERIFIED_TOKENS = 4096  # Per process, about a kilobyte each.
FIELDS = ("id", "email", "is_active", "time_zone", "language")
READ_FIELDS = ("pk", "email", "is_active", "token_key", "time_zone", "language")
ENDED_FIELDS = ("ended_tokens__jti", "ended_tokens__expires_at")
USER_ID_CLAIM = api_settings.USER_ID_CLAIM
LEEWAY = timedelta(seconds=api_settings.LEEWAY)


class AuthenticatedRequest(Request):
    """For annotations: behind IsAuthenticated the user is never anonymous."""

    user: User
    auth: AccessToken


class TokenAuthentication(JWTAuthentication):
    """SimpleJWT's authentication, with an optional `Bearer` and with users cached in Redis."""

    def __init__(self) -> None:
        self.user_model = User  # SimpleJWT would look it up for every request.

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def get_raw_token(self, header: bytes) -> bytes | None:
        parts = header.split()
        if len(parts) == 1:
            return parts[0]
        if parts and parts[0].lower() == b"bearer":  # Names of schemes ignore case.
            parts[0] = b"Bearer"
        return super().get_raw_token(b" ".join(parts))

    def get_validated_token(self, raw_token: bytes) -> Token:
        """Verifies a signature once per process, and the expiry on every request."""
        token = _verified(raw_token)
        if token["exp"] <= time.time():
            _refuse_expired(token)
        return token

    def get_user(self, validated_token: Token) -> Any:
        user = _check(validated_token, _look_up(_user_id(validated_token)))
        _speak_language_of(user)
        # The other fields, such as the password, are deferred.
        return User.from_db(None, FIELDS, _values(user))


class MinimalUser:
    """The caller of a poll, as the token and the cached user confirm."""

    is_authenticated = True

    def __init__(self, pk: int, time_zone: str) -> None:
        self.pk = pk
        self.time_zone = time_zone


class PollRequest(Request):
    """For annotations: what PollAuthentication makes of a request."""

    user: MinimalUser  # type: ignore[assignment]
    cached_keys: Sequence[str]
    cached_entries: Sequence[bytes | None]


class PollAuthentication(TokenAuthentication):
    """Looks up the caller and reads the poll's entries in one Redis round trip.

    `keys(user_id)` names the entries. `request.user` is a MinimalUser, `request.cached_keys` are
    those names, and `request.cached_entries` is what Redis holds.
    """

    def __init__(self, keys: Callable[[int], Sequence[str]]) -> None:
        super().__init__()
        self.keys = keys

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        identified = super().authenticate(request)
        if identified is not None:
            poll = cast(PollRequest, request)
            poll.cached_keys, poll.cached_entries = self.names, self.entries
        return identified

    def get_user(self, validated_token: Token) -> Any:
        pk = _user_id(validated_token)
        self.names = self.keys(pk)
        try:
            found, self.entries = users.get_many(pk, self.names)
        except RedisError:
            found, self.entries = None, [None] * len(self.names)
        user = _check(validated_token, found or _load(pk))
        _speak_language_of(user)
        return MinimalUser(pk, user.get("time_zone", ""))


def _refuse_expired(token: Token) -> None:
    try:
        # The leeway is for clocks that are ahead, not for tokens that have expired.
        token.check_exp(current_time=aware_utcnow() + LEEWAY)
    except TokenError as error:
        detail = _("Given token not valid for any token type")
        raise InvalidToken({"detail": detail, "messages": [_why_invalid(error)]}) from error


def _why_invalid(error: TokenError) -> dict[str, str]:
    """As SimpleJWT's own authentication says it."""
    names = {"token_class": AccessToken.__name__, "token_type": AccessToken.token_type}
    return {**names, "message": str(error)}


@lru_cache(MAX_VERIFIED_TOKENS)
def _verified(raw_token: bytes) -> Token:
    return JWTAuthentication().get_validated_token(raw_token)


def _check(token: Token, user: users.CachedUser | None) -> users.CachedUser:
    if user is None:
        raise AuthenticationFailed(_("There is no such user."), code="user_not_found")
    if not user["is_active"]:
        raise AuthenticationFailed(_("This user is not active."), code="user_inactive")
    token_id = str(token.get(ID_CLAIM))
    if token_id in user.get("ended_tokens", ()):
        raise AuthenticationFailed(_("You have logged out."), code="logged_out")
    if key_of(token_id) != user["revocation"]:
        raise password_changed()
    return user


def password_changed() -> AuthenticationFailed:
    return AuthenticationFailed(_("The user's password has been changed."), code="password_changed")


def _user_id(token: Token) -> int:
    try:
        return int(token[USER_ID_CLAIM])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidToken("Token contained no recognizable user identification") from error


def _look_up(pk: int) -> users.CachedUser | None:
    try:
        found = users.get_many(pk)[0]
    except RedisError:
        return _read(pk)
    return found or _load(pk)


def _load(pk: int) -> users.CachedUser | None:
    """Call after a cache miss."""
    try:
        with key_lock(f"user:{pk}"):
            return users.get_many(pk)[0] or _read_and_store(pk)
    except RedisError:
        return _read(pk)


def _read_and_store(pk: int) -> users.CachedUser | None:
    user = _read(pk)
    if user is not None:
        users.store(user)
    return user


def _read(pk: int) -> users.CachedUser | None:
    """One statement: a row for each ended token, or one without."""
    found = User.objects.filter(pk=pk)
    rows = list(found.values(*READ_FIELDS, *ENDED_FIELDS))
    if not rows:
        return None
    row, now = rows[0], timezone.now()
    ended = [(one["ended_tokens__jti"], one["ended_tokens__expires_at"]) for one in rows]
    return users.CachedUser(
        id=row["pk"],
        email=row["email"],
        is_active=row["is_active"],
        revocation=row["token_key"],
        time_zone=row["time_zone"],
        language=row["language"],
        ended_tokens=[jti for jti, expires_at in ended if jti and expires_at > now],
    )


def _values(user: users.CachedUser) -> list[Any]:
    return [user.get(name, "") for name in FIELDS]


def _speak_language_of(user: users.CachedUser) -> None:
    """Their own choice, if they made one, comes before that of their browser."""
    if language := user.get("language"):
        translation.activate(language)


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    match_subclasses = True
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "Authorization"}
