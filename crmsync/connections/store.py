"""The only writer of Connection. engine/scheduling.py decides when its runs start."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from accounts.models import User
from crmsync.connections import cache
from crmsync.errors import BLOCKING_CODES, UNCONFIRMED, CrmError, strip_unstorable
from crmsync.fields import Sealed
from crmsync.models import Connection, CrmHost
from crmsync.providers import PROVIDERS
from crmsync.providers.base import Account
from crmsync.providers.options import with_defaults
from meetings import statements

logger = structlog.get_logger(__name__)

State = Connection.State
BATCH = 1000
RENEW_AFTER = timedelta(days=7)  # Salesforce ends refresh tokens that are idle for 30 days.
RENEW_AGAIN_AFTER = timedelta(hours=1)
WELL = """
    SELECT 1 AS is_well
    FROM crmsync_connection LEFT JOIN crmsync_crmhost AS host ON host.id = host_id
    WHERE crmsync_connection.id = %s AND state = 'connected'
    AND (host.id IS NULL OR host.failures = 0 AND host.open_since IS NULL)
"""
WORKING = (State.CONNECTED, State.NEEDS_REAUTH)  # Neither paused by support nor disconnected.


def for_user(user: User) -> Connection | None:
    """The user's current connection, or None."""
    connection: Connection | None = getattr(user, "connection", None)
    return None if connection is None or connection.state == State.DISCONNECTED else connection


def lock(**lookups: Any) -> Connection | None:
    """The matching connection, its row locked until the end of the transaction."""
    # FOR UPDATE would also block every new row that points at the connection.
    locked = Connection.objects.select_for_update(of=("self",), no_key=True)
    return locked.select_related("host").filter(**lookups).first()


def sql_to_lock_if_well() -> str:
    """SQL that locks the row of a connection that works, and whose host has not failed lately."""
    return WELL + statements.lock_of("crmsync_connection")


def options_of(connection: Connection) -> dict[str, Any]:
    """What the owner chose, and the defaults for the rest."""
    choices = PROVIDERS[connection.provider].choices
    return with_defaults(connection.options, choices, connection.user.email)


def decrypt_credentials(connection: Connection) -> dict[str, Any]:
    """Raises CrmError if no current key decrypts them: a mistake of ours, not of the owner."""
    try:
        return connection.credentials.open()
    except InvalidToken as error:
        logger.error("no key decrypts the credentials", connection=connection.pk)
        raise CrmError("unexpected_error", "No current key decrypts the credentials.") from error


def has_keys() -> bool:
    """Whether the current keys decrypt one of the latest credentials, if there are any."""
    stored = Connection.objects.exclude(credentials=Sealed("")).order_by("-pk")
    sealed = list(stored.values_list("credentials", flat=True)[:10])
    return not sealed or any(map(can_open, sealed))


def can_open(sealed: Sealed) -> bool:
    try:
        sealed.open()
    except InvalidToken:
        return False
    return True


def reseal(connection: Connection) -> bool:
    """Encrypts the credentials with the newest key, unless they changed since they were read."""
    newest = Sealed.seal(connection.credentials.open())
    return bool(_with_unchanged_token(connection).update(credentials=newest))


def get_or_create(user: Any, provider: str, account: Account) -> Connection:
    """The user's connection, whichever account it leads to. Its row is locked."""
    locked = Connection.objects.select_for_update(no_key=True)
    made = {"provider": provider, "account_id": account.id}
    return locked.get_or_create(user=user, defaults=made)[0]


def link_account(
    connection: Connection,
    provider: str,
    account: Account,
    credentials: dict[str, Any],
    options: dict[str, Any],
) -> None:
    """Needs the connection's row locked."""
    connection.options = options
    connection.degraded = [*account.degraded]
    connection.renew_at = _next_renewal() if "refresh_token" in credentials else None
    connection.provider = provider
    connection.account_id = account.id
    connection.account_name = strip_unstorable(account.name)[:255]
    connection.capabilities = dict(account.capabilities)
    connection.host = None  # The next step finds it out.
    connection.refreshing_until = None
    connection.credentials = Sealed.seal(credentials)
    if connection.state != State.PAUSED:  # Only support resumes what support paused.
        connection.state = State.CONNECTED
    connection.last_error = ""
    connection.unconfirmed_since = None
    connection.not_before = None
    connection.connected_at = timezone.now()
    _save(connection)


def mark_needs_reauth(connection: Connection, error: CrmError) -> bool:
    """False if the user has reconnected since `connection` was read: the error is outdated."""
    return _change(connection, state=State.NEEDS_REAUTH, last_error=error.code)


def mark_unconfirmed(connection: Connection) -> bool:
    """Nothing is sent until the owner connects it again. Needs the connection's row locked.

    False if it is disconnected. One that support paused is unconfirmed when support resumes it.
    """
    if connection.state == State.DISCONNECTED:
        return False
    if connection.state != State.PAUSED:
        connection.state = State.NEEDS_REAUTH
    connection.last_error = UNCONFIRMED
    connection.unconfirmed_since = timezone.now()
    _save(connection)
    return True


def set_options(connection: Connection, options: dict[str, Any]) -> None:
    """Needs the connection's row locked."""
    _update(Connection.objects.filter(pk=connection.pk), connection, options=options)


def mark_connected(connection: Connection, account: Account) -> bool:
    """`account`: as the CRM has just described it."""
    found = {"capabilities": dict(account.capabilities), "degraded": [*account.degraded]}
    return _change(connection, state=State.CONNECTED, last_error="", **found)


def _unchanged(connection: Connection) -> QuerySet[Connection]:
    """The row, unless it was reconnected, paused or disconnected since it was read.

    An unconfirmed one stays as it is, whatever the CRM says of it.
    """
    return _same(connection).filter(unconfirmed_since=None)


def _same(connection: Connection) -> QuerySet[Connection]:
    return Connection.objects.filter(
        pk=connection.pk,
        connected_at=connection.connected_at,
        state__in=WORKING,
    )


def pause(connection: Connection) -> bool:
    """Support pauses its syncs."""
    return _update(_same(connection), connection, state=State.PAUSED)


def resume(connection: Connection) -> bool:
    """Restores the state from before support paused it."""
    held = connection.last_error in BLOCKING_CODES or connection.unconfirmed_since is not None
    paused = Connection.objects.filter(pk=connection.pk, state=State.PAUSED)
    return _update(paused, connection, state=State.NEEDS_REAUTH if held else State.CONNECTED)


def record_error(connection: Connection, error: CrmError) -> None:
    """Only for a working connection; an error that blocks one matters more."""
    if connection.state == State.CONNECTED:
        _change(connection, last_error=error.code)


def throttle_until(connection: Connection, until: datetime) -> None:
    latest = Greatest(Coalesce("not_before", until), until)
    _change(connection, not_before=latest)


def set_contact_lock_until(pk: int, until: datetime) -> None:
    """No document shows this, so the version stays the same."""
    Connection.objects.filter(pk=pk).update(contact_lock_until=until)


@transaction.atomic
def set_host(connection: Connection, host: CrmHost | None) -> None:
    if _change(connection, host=host):
        connection.host = host


def touch_connections_of(host: CrmHost) -> None:
    """Outdates the documents of all of them."""
    pks = list(host.connections.order_by("pk").values_list("pk", flat=True))
    while pks:
        _touch(pks[:BATCH])
        del pks[:BATCH]


@transaction.atomic
def _touch(pks: Sequence[int]) -> None:
    rows = Connection.objects.filter(pk__in=pks)
    list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    rows.update(version=F("version") + 1)
    cache.connections_changed(dict(rows.values_list("user_id", "version")))


def begin_refresh(connection: Connection, until: datetime) -> bool:
    """Whether this process may refresh the token that it read. If so, no other process may."""
    free = Q(refreshing_until=None) | Q(refreshing_until__lte=timezone.now())
    return bool(_with_unchanged_token(connection).filter(free).update(refreshing_until=until))


def end_refresh(connection: Connection, credentials: dict[str, Any] | None = None) -> None:
    """Stores the new token, unless another was stored since the connection was read."""
    new: dict[str, Any] = {}
    if credentials is not None:
        new = {"credentials": Sealed.seal(credentials), "renew_at": _next_renewal()}
    _with_unchanged_token(connection).update(refreshing_until=None, **new)


def select_due_renewals(now: datetime) -> list[int]:
    """Connections whose token nobody has used for a while; each is due again after an hour."""
    due = Connection.objects.filter(renew_at__lte=now, state=State.CONNECTED)
    pks = list(due.order_by("renew_at").values_list("pk", flat=True)[:BATCH])
    due.filter(pk__in=pks).update(renew_at=now + RENEW_AGAIN_AFTER)
    return pks


def _next_renewal() -> datetime:
    return timezone.now() + RENEW_AFTER


def _with_unchanged_token(connection: Connection) -> QuerySet[Connection]:
    """The row, if its token is unchanged. Paused ones count: a new token must always be stored."""
    return Connection.objects.filter(
        pk=connection.pk,
        connected_at=connection.connected_at,
        credentials=connection.credentials,
    )


def forget_credentials(connection: Connection) -> None:
    """Needs the connection's row locked."""
    connection.state = State.DISCONNECTED
    connection.credentials = Sealed("")
    connection.renew_at = None
    connection.unconfirmed_since = None
    connection.last_error = ""
    connection.not_before = None
    _save(connection)


def _save(connection: Connection) -> None:
    connection.version += 1
    connection.save()
    cache.connection_changed(connection.user_id, connection.version)


def _change(connection: Connection, **values: Any) -> bool:
    """False if the connection has changed since it was read."""
    return _update(_unchanged(connection), connection, **values)


def _update(rows: QuerySet[Connection], connection: Connection, **values: Any) -> bool:
    if not rows.update(version=F("version") + 1, **values):
        return False
    version = Connection.objects.values_list("version", flat=True).get(pk=connection.pk)
    cache.connection_changed(connection.user_id, version)
    return True
