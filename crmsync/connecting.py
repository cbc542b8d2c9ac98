"""What a person can do with their connection: connect, check it, part from it."""

from typing import Any

from django.db import transaction

from crmsync import connections, lifecycle
from crmsync.errors import CrmError, Handling
from crmsync.models import Connection
from crmsync.providers import PROVIDERS
from crmsync.providers.base import Session


def connect(user: Any, provider: str, credentials: dict[str, Any]) -> Connection:
    """Stores the credentials once the CRM took them, and releases what waited. Raises CrmError."""
    account = PROVIDERS[provider](Session(credentials)).check()
    with transaction.atomic():
        previous = connections.lock(user=user.pk).first()
        if previous and (previous.provider, previous.account_id) != (provider, account.id):
            _cancel_runs(previous)
        connection = connections.store(user, provider, account, credentials)
        lifecycle.release(connection.pk)
    return connection


def check(connection: Connection) -> Connection:
    """Asks the CRM whether the stored credentials still work, and acts on the answer."""
    try:
        session = Session(connections.open_credentials(connection))
        PROVIDERS[connection.provider](session).check()
    except CrmError as error:
        _note_failed_check(connection, error)
    else:
        connections.restore(connection.pk)
        lifecycle.release(connection.pk)
    connection.refresh_from_db()
    return connection


@transaction.atomic
def disconnect(connection: Connection) -> None:
    """Cancels what is under way and forgets the credentials; what was written stays on record."""
    connections.lock(pk=connection.pk).first()
    _cancel_runs(connection)
    connections.forget_credentials(connection.pk)


@transaction.atomic
def _note_failed_check(connection: Connection, error: CrmError) -> None:
    if error.kind.handling is Handling.HOLD:
        lifecycle.hold(connection.pk, error)
    else:
        connections.note_error(connection.pk, error)


def _cancel_runs(connection: Connection) -> None:
    for run in connection.sync_runs.active():
        lifecycle.cancel(run.meeting_id)
