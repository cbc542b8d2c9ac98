"""OAuth tokens of a connection: requested, refreshed in time, by one process at a time.

A refresh may replace the refresh token as well, so two at once could void each other's tokens.
A lease in the connection's row admits one process; the others wait for the token it stores.
"""

import re
import time
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import connection as database
from django.utils import timezone

from crmsync.connections import store
from crmsync.errors import CrmError
from crmsync.fields import Sealed
from crmsync.models import Connection
from crmsync.providers import OAUTH
from crmsync.providers.base import OAuth, Session
from crmsync.providers.http import Answer, CrmClient, error_of

logger = structlog.get_logger(__name__)

REFRESH_BEFORE = 300  # Seconds.
REVOKED_GRANT_CODES = {"invalid_grant", "BAD_REFRESH_TOKEN", "inactive_user", "inactive_org"}
STORED_KEYS = ("access_token", "refresh_token", "instance_url")
OAUTH_ONLY_KEYS = (
    "refresh_token",
    "expires_at",
    "login_url",
)  # Only OAuth yields these; a request must not contain them.
POLL_INTERVAL = 0.2  # Seconds.
# Salesforce refuses two requests at once like a grant that is dead.
CONCURRENT = re.compile(r"already being processed|expired authorization code", re.IGNORECASE)


def session_kwargs(connection: Connection) -> dict[str, Any]:
    """A Session's arguments: credentials with a valid token, and how to refresh it."""
    credentials = store.decrypt_credentials(connection)
    given = {
        "capabilities": connection.capabilities,
        "options": store.options_of(connection),
        "owner": connection.user.email,
    }
    if connection.provider not in OAUTH or "refresh_token" not in credentials:
        return {"credentials": credentials, **given}
    if credentials.get("expires_at", float("inf")) < time.time() + REFRESH_BEFORE:
        credentials = _credentials_after_refresh(connection, credentials["access_token"])
    refresh = partial(_token_after_refresh, connection)
    return {"credentials": credentials, **given, "refresh": refresh}


def renew(connection: Connection) -> None:
    """Fetches a new token, whoever needs it. Raises CrmError."""
    credentials = store.decrypt_credentials(connection)
    if connection.provider in OAUTH and "refresh_token" in credentials:
        _credentials_after_refresh(connection, credentials["access_token"])


def request_token(oauth: OAuth, **grant: str) -> dict[str, Any]:
    """Exchanges a grant for credentials. Raises CrmError."""
    answer = _post(oauth, oauth.token_path, grant)
    if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
        raise CrmError("unexpected_error", "The CRM granted no token.")
    kept = {key: answer[key] for key in STORED_KEYS if isinstance(answer.get(key), str)}
    if isinstance(answer.get("expires_in"), int):
        kept["expires_at"] = time.time() + answer["expires_in"]
    return kept


def revoke(provider: str, sealed: Sealed) -> None:
    """Ends the token at the CRM, if it came from a sign-in there. Call it after the commit."""
    if provider not in OAUTH or not store.can_open(sealed):
        return
    credentials = sealed.open()
    token = credentials.get("refresh_token")
    if token is None:
        return
    oauth = _oauth_of(provider, credentials)
    try:
        _post(oauth, oauth.revoke_path, {"token": token, "token_type_hint": "refresh_token"})
    except CrmError as error:  # Nobody has the token any more; at the CRM it ends with its time.
        logger.warning("token not revoked at the CRM", provider=provider, error=error.code)


def _post(oauth: OAuth, path: str, values: dict[str, str]) -> Any:
    form = {"client_id": oauth.client_id, "client_secret": oauth.client_secret, **values}
    with Session({}, before_call=release_db_connection) as session:
        client = CrmClient(oauth.token_host, session, explain=_explain)
        return client.call("POST", path, data=form)


def release_db_connection() -> None:
    """Returns this thread's database connection to the pool while it waits for a CRM."""
    if database.settings_dict["OPTIONS"].get("pool") and not database.in_atomic_block:
        database.close()


def _token_after_refresh(connection: Connection, refused: str) -> str:
    return _credentials_after_refresh(connection, refused)["access_token"]


def _credentials_after_refresh(connection: Connection, old_token: str) -> dict[str, Any]:
    """Credentials of the same account whose access token replaces `old_token`."""
    account = (connection.provider, connection.account_id)
    deadline = time.monotonic() + 2 * settings.CRM_CALL_SECONDS
    while time.monotonic() < deadline:
        # A fresh copy: the caller's `connection` must stay as read, to be compared with the row.
        latest = Connection.objects.get(pk=connection.pk)
        credentials = store.decrypt_credentials(latest)
        leads_to = (latest.provider, latest.account_id)
        if leads_to != account or "access_token" not in credentials:
            raise CrmError("connection_expired", "The connection now belongs to another account.")
        if credentials["access_token"] != old_token:
            return credentials
        until = timezone.now() + timedelta(seconds=settings.CRM_CALL_SECONDS + 5)
        if store.begin_refresh(latest, until):
            return _fetch_new_token(latest, credentials)
        release_db_connection()
        time.sleep(POLL_INTERVAL)
    raise CrmError("crm_unavailable", "Another process took too long to renew the token.")


def _fetch_new_token(connection: Connection, credentials: dict[str, Any]) -> dict[str, Any]:
    oauth = _oauth_of(connection.provider, credentials)
    try:
        grant = {"grant_type": "refresh_token", "refresh_token": credentials["refresh_token"]}
        renewed = {**credentials, **request_token(oauth, **grant)}
    except CrmError as error:
        store.end_refresh(connection)
        if CONCURRENT.search(error.message):
            raise CrmError("crm_unavailable", error.message) from error
        raise
    store.end_refresh(connection, renewed)
    return renewed


def _oauth_of(provider: str, credentials: dict[str, Any]) -> OAuth:
    return OAUTH[provider]().at(credentials.get("login_url", ""))


def _explain(answer: Answer) -> CrmError:
    data = answer.data if isinstance(answer.data, dict) else {}
    if REVOKED_GRANT_CODES & {str(data.get("error")), str(data.get("status"))}:
        return error_of(answer, "connection_expired")
    return error_of(answer)
