"""OAuth sign-in at a CRM: the address to send people to, and what happens when they return.

The state parameter is signed, expires after ten minutes and works once. It identifies the person,
because a browser that returns from a CRM carries no token.
"""

import secrets
from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from crmsync.connections import tokens
from crmsync.models import Connection, OAuthState
from crmsync.operations import connections
from crmsync.providers import OAUTH

LIFETIME = timedelta(minutes=10)
SALT = "crmsync.oauth"


class UnknownStateError(Exception):
    """Not ours, expired, or already used."""


def is_available(provider: str) -> bool:
    return provider in OAUTH and bool(OAUTH[provider]().client_id)


def authorize_url(user: User, provider: str) -> str:
    """The page where the person grants access. Needs a provider that `is_available`."""
    oauth = OAUTH[provider]()
    OAuthState.objects.filter(begun_at__lt=timezone.now() - LIFETIME).delete()
    sign_in = OAuthState.objects.create(user=user, provider=provider, nonce=secrets.token_urlsafe())
    asked = {
        "response_type": "code",
        "client_id": oauth.client_id,
        "redirect_uri": _callback_url(),
        "scope": oauth.scopes,
        "state": signing.dumps(sign_in.nonce, salt=SALT),
    }
    return f"{oauth.authorize_url}?{urlencode(asked)}"


def complete(state: str, code: str) -> Connection:
    """Connects the person whom the state identifies. Raises UnknownStateError and CrmError."""
    sign_in = consume_state(state)
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": _callback_url()}
    credentials = tokens.request_token(OAUTH[sign_in.provider](), **grant)
    return connections.connect(sign_in.user, sign_in.provider, credentials)


@transaction.atomic
def consume_state(state: str) -> OAuthState:
    """Consumes the state so that it cannot be reused. Raises UnknownStateError."""
    try:
        nonce = signing.loads(state, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature as error:
        raise UnknownStateError from error
    active = OAuthState.objects.select_related("user").filter(user__is_active=True)
    sign_in = active.filter(nonce=str(nonce)).first()
    if sign_in is None or not OAuthState.objects.filter(pk=sign_in.pk).delete()[0]:
        raise UnknownStateError
    return sign_in


def _callback_url() -> str:
    return f"{settings.PUBLIC_URL}/connection/callback"
