"""The only writer of Connection. Whoever also moves its runs does so through lifecycle.py."""

from datetime import datetime
from typing import Any

from cryptography.fernet import InvalidToken
from django.db.models import QuerySet
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from crmsync import records
from crmsync.errors import CrmError
from crmsync.fields import Sealed
from crmsync.models import Connection
from crmsync.providers.base import Account

State = Connection.State


def find(user_id: int | None) -> Connection | None:
    return Connection.objects.filter(user=user_id).exclude(state=State.DISCONNECTED).first()


def lock(**lookups: Any) -> QuerySet[Connection]:
    # Not FOR UPDATE, which would make every new row that points at the connection wait as well.
    return Connection.objects.select_for_update(of=("self",), no_key=True).filter(**lookups)


def open_credentials(connection: Connection) -> dict[str, Any]:
    """Raises CrmError where no current key opens them: connecting again is the remedy."""
    try:
        return connection.credentials.open()
    except InvalidToken as error:
        raise CrmError("connection_expired", "No current key opens the credentials.") from error


def store(user: Any, provider: str, account: Account, credentials: dict[str, Any]) -> Connection:
    """Another account than before starts with an empty memory of what was written."""
    Connection.objects.get_or_create(
        user=user, defaults={"provider": provider, "account_id": account.id}
    )
    connection = lock(user=user.pk).get()
    if (connection.provider, connection.account_id) != (provider, account.id):
        records.forget_account(connection)
    connection.provider = provider
    connection.account_id = account.id
    connection.account_name = account.name
    connection.credentials = Sealed.seal(credentials)
    connection.state = State.CONNECTED
    connection.last_error = ""
    connection.not_before = None
    connection.connected_at = timezone.now()
    connection.save()
    return connection


def hold(pk: int, error: CrmError) -> None:
    usable = Connection.objects.filter(pk=pk, state__in=[State.CONNECTED, State.NEEDS_REAUTH])
    usable.update(state=State.NEEDS_REAUTH, last_error=error.code)


def restore(pk: int) -> None:
    healed = Connection.objects.filter(pk=pk, state__in=[State.CONNECTED, State.NEEDS_REAUTH])
    healed.update(state=State.CONNECTED, last_error="")


def note_error(pk: int, error: CrmError) -> None:
    Connection.objects.filter(pk=pk).exclude(state=State.DISCONNECTED).update(last_error=error.code)


def slow_down(pk: int, until: datetime) -> None:
    Connection.objects.filter(pk=pk).update(
        not_before=Greatest(Coalesce("not_before", until), until)
    )


def forget_credentials(pk: int) -> None:
    Connection.objects.filter(pk=pk).update(
        state=State.DISCONNECTED, credentials=Sealed(""), last_error="", not_before=None
    )
