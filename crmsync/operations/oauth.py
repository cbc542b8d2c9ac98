"""OAuth sign-in at a CRM, with PKCE.

The browser that comes back from the CRM proves nothing: anybody can send anybody a link. So the
callback only parks the CRM's code. The person who began completes the sign-in with their token. A
new password ends what was begun.
"""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import User
from crmsync.connections import tokens
from crmsync.errors import CrmError
from crmsync.fields import Sealed
from crmsync.models import Connection, OAuthState
from crmsync.operations import connections
from crmsync.providers import OAUTH

LIFETIME = timedelta(minutes=10)
PARKED_LIFETIME = timedelta(minutes=2)
SALT = "crmsync.oauth"
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


class RefusedError(Exception):
    """The CRM refused what the sign-in yielded."""

    def __init__(self, provider: str, error: CrmError) -> None:
        super().__init__(error.code)
        self.provider = provider
        self.error = error


class UnknownSignInError(Exception):
    """Not ours, not this person's, expired, ended by a new password, or already used."""


def is_available(provider: str) -> bool:
    return provider in OAUTH and bool(OAUTH[provider]().client_id)


def is_address_of(provider: str, address: str) -> bool:
    """Whether people may sign in there: elsewhere our client's secret would be given away."""
    domains = OAUTH[provider]().domains
    try:
        page = urlsplit(address)
    except ValueError:
        return False
    is_theirs = page.scheme == "https" and page.netloc.endswith(tuple(domains))
    is_plain = address == f"{page.scheme}://{page.netloc}" and HOST.fullmatch(page.netloc)
    is_local = settings.ALLOW_PRIVATE_CRM_HOSTS and address == f"{page.scheme}://{page.netloc}"
    return bool(domains) and bool((is_theirs and is_plain) or is_local)


def authorize_url(user: User, provider: str, return_to: str = "", instance_url: str = "") -> str:
    """The page where the person grants access. Needs a provider that `is_available`.

    `instance_url`: the person's own address of the CRM, if they do not sign in at the usual one.
    """
    oauth = OAUTH[provider]().at(instance_url)
    verifier = secrets.token_urlsafe(48)
    OAuthState.objects.filter(begun_at__lt=timezone.now() - LIFETIME).delete()
    sign_in = OAuthState.objects.create(
        user=user,
        token_key=user.token_key,
        provider=provider,
        nonce=secrets.token_urlsafe(),
        return_to=return_to,
        secrets=Sealed.seal({"verifier": verifier, "login_url": instance_url}),
    )
    asked = {
        "response_type": "code",
        "client_id": oauth.client_id,
        "redirect_uri": _callback_url(),
        "scope": oauth.scopes,
        "state": signing.dumps(sign_in.nonce, salt=SALT),
        **({"optional_scope": oauth.optional_scopes} if oauth.optional_scopes else {}),
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
    }
    return f"{oauth.authorize_url}?{urlencode(asked)}"


@transaction.atomic
def park(state: str, code: str) -> OAuthState:
    """Keeps the CRM's code for the person who began. Raises UnknownSignInError."""
    sign_in = consume_state(state)
    sign_in.secrets = Sealed.seal({**sign_in.secrets.open(), "code": code})
    sign_in.connection_code = secrets.token_urlsafe()
    sign_in.save(update_fields=["secrets", "connection_code"])
    return sign_in


@transaction.atomic
def consume_state(state: str) -> OAuthState:
    """The sign-in of that state, which works once. Raises UnknownSignInError."""
    try:
        nonce = signing.loads(state, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature as error:
        raise UnknownSignInError from error
    sign_in = _valid().filter(nonce=str(nonce)).first()
    if sign_in is None or not _mark_parked(sign_in.pk):
        raise UnknownSignInError
    return sign_in


def _mark_parked(pk: int) -> int:
    return OAuthState.objects.filter(pk=pk, parked_at=None).update(parked_at=timezone.now())


def complete(user: User, connection_code: str) -> Connection:
    """Connects the person, if it is the one who began.

    Raises UnknownSignInError and RefusedError.
    """
    sign_in = _take(user, connection_code)
    try:
        credentials = _exchange(sign_in)
        return connections.connect(user, sign_in.provider, credentials, key=sign_in.token_key)
    except connections.SessionEndedError as error:
        raise UnknownSignInError from error
    except CrmError as error:
        raise RefusedError(sign_in.provider, error) from error


def _exchange(sign_in: OAuthState) -> dict[str, Any]:
    kept = sign_in.secrets.open()
    login_url = kept.get("login_url", "")  # Sign-ins of an older version have none.
    credentials = tokens.request_token(
        OAUTH[sign_in.provider]().at(login_url),
        grant_type="authorization_code",
        code=kept["code"],
        code_verifier=kept["verifier"],
        redirect_uri=_callback_url(),
    )
    return {**credentials, "login_url": login_url} if login_url else credentials


def _take(user: User, connection_code: str) -> OAuthState:
    since = timezone.now() - PARKED_LIFETIME
    parked = _valid().filter(user=user.pk, parked_at__gte=since)
    sign_in = parked.filter(connection_code=connection_code).first()
    if sign_in is None or not OAuthState.objects.filter(pk=sign_in.pk).delete()[0]:
        raise UnknownSignInError
    return sign_in


def _valid() -> QuerySet[OAuthState]:
    active = OAuthState.objects.select_related("user").filter(user__is_active=True)
    return active.filter(token_key=F("user__token_key"))


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _callback_url() -> str:
    return f"{settings.PUBLIC_URL}/connection/callback"
