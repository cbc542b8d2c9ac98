"""What people do with a connection: connect, check, disconnect; support pauses and resumes it."""

from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.tokens import lock_owner
from crmsync.connections import store, tokens
from crmsync.engine import remote_records, scheduling
from crmsync.errors import CrmError, Handling
from crmsync.models import Connection
from crmsync.operations import syncs
from crmsync.providers import PROVIDERS
from crmsync.providers.base import Account, Session
from crmsync.providers.options import with_defaults


class SessionEndedError(Exception):
    """A new password has ended the token while the CRM was asked."""


def connect(
    user: Any,
    provider: str,
    credentials: dict[str, Any],
    options: dict[str, Any] | None = None,
    *,
    key: str | None = None,
) -> Connection:
    """Stores the credentials if the CRM accepts them, and releases waiting runs.

    A different account starts without known records, and active runs are canceled. Without
    `options`, those of the connection stay. `key` is that of the token with which the person
    asked. Raises CrmError, and SessionEndedError if the password has changed since.
    """
    chosen = _options_of(user, provider) if options is None else options
    wanted = with_defaults(chosen, PROVIDERS[provider].choices, user.email)
    with Session(credentials, options=wanted, owner=user.email) as session:
        account = PROVIDERS[provider](session).check()
    with transaction.atomic():
        if key is not None and not lock_owner(user.pk, key):
            raise SessionEndedError
        connection = store.get_or_create(user, provider, account)
        if (connection.provider, connection.account_id) != (provider, account.id):
            syncs.cancel_all(connection)
            _revoke_after_commit(connection)
            remote_records.forget_account(connection)
            connection.account_since = timezone.now()
            connection.account_number += 1
        store.link_account(connection, provider, account, credentials, chosen)
        scheduling.enqueue_waiting(connection.pk)
    return connection


def _options_of(user: Any, provider: str) -> dict[str, Any]:
    chosen = Connection.objects.filter(user=user, provider=provider).values_list("options")
    return next((options for (options,) in chosen), {})


def change_options(connection: Connection, options: dict[str, Any]) -> Connection:
    """Those not named stay."""
    with transaction.atomic():
        locked = store.lock(pk=connection.pk)
        if locked is not None:
            store.set_options(locked, {**locked.options, **options})
    connection.refresh_from_db()
    return check(connection)


def check(connection: Connection) -> Connection:
    """Looks at the account anew, whether its credentials still work, and acts on the answer."""
    found = _look_at(connection)
    with transaction.atomic():
        if isinstance(found, Account):
            if store.mark_connected(connection, found):
                scheduling.enqueue_waiting(connection.pk)
        elif found.kind.handling is Handling.HOLD:
            scheduling.block_connection(connection, found)
        else:
            store.record_error(connection, found)
    connection.refresh_from_db()
    return connection


def _look_at(connection: Connection) -> Account | CrmError:
    try:
        with Session(**tokens.session_kwargs(connection)) as session:
            return PROVIDERS[connection.provider](session).check()
    except CrmError as error:
        return error


def renew_token(pk: int) -> None:
    """Keeps a refresh token alive that no sync has used for a while."""
    connection = Connection.objects.filter(pk=pk, state=Connection.State.CONNECTED).first()
    if connection is None:
        return
    try:
        tokens.renew(connection)
    except CrmError as error:
        if error.kind.handling is Handling.HOLD:
            with transaction.atomic():
                scheduling.block_connection(connection, error)


@transaction.atomic
def disconnect(connection: Connection) -> None:
    """Cancels active runs and deletes the credentials, here and then at the CRM.

    The record of what was written stays.
    """
    locked = store.lock(pk=connection.pk)
    if locked is not None:
        syncs.cancel_all(locked)
        _revoke_after_commit(locked)
        store.forget_credentials(locked)


def _revoke_after_commit(connection: Connection) -> None:
    transaction.on_commit(partial(tokens.revoke, connection.provider, connection.credentials))


@transaction.atomic
def pause(pk: int) -> bool:
    """Its syncs stop before their next step and wait until it is resumed."""
    connection = store.lock(pk=pk)
    if connection is None or not store.pause(connection):
        return False
    scheduling.release_slots(pk)
    return True


@transaction.atomic
def resume(pk: int) -> bool:
    connection = store.lock(pk=pk)
    if connection is None or not store.resume(connection):
        return False
    scheduling.enqueue_waiting(pk)
    return True
