"""Deletes a person with everything of theirs. docs/operations.md says what remains elsewhere."""

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from crmsync.connections import store, tokens
from crmsync.models import RemoteRecord, SyncAttempt, SyncRun
from crmsync.operations import passwords
from crmsync.providers import sandbox
from crmsync.status import cache as documents
from meetings import cache as meeting_cache
from meetings.models import Attendee, Meeting

BATCH = 1000  # Meetings.


@transaction.atomic
def delete_person(user: User) -> None:
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    connection = store.lock(user=user)
    if connection is not None:
        transaction.on_commit(partial(tokens.revoke, connection.provider, connection.credentials))
    passwords.forget(user.email)
    _delete_contacts(user)
    own = Meeting.objects.owned_by(user.pk)
    while batch := list(own.order_by("pk").values_list("pk", "key")[:BATCH]):
        pks, keys = zip(*batch, strict=True)
        sandbox.forget_meetings([str(key) for key in keys])
        meeting_cache.invalidate_deleted(pks)
        transaction.on_commit(partial(documents.forget, pks))
        _delete_meetings(own.filter(pk__lte=pks[-1]))
    user.delete()


def _delete_contacts(user: User) -> None:
    """In the sandbox, but for those that somebody else's meetings have, too."""
    records = RemoteRecord.objects.filter(connection__user=user)
    contacts = records.filter(kind=RemoteRecord.Kind.CONTACT, connection__provider=sandbox.NAME)
    others = RemoteRecord.objects.filter(kind=RemoteRecord.Kind.CONTACT).exclude(
        connection__user=user
    )
    own = contacts.exclude(local_key__in=others.values("local_key"))
    sandbox.forget_contacts(own.values_list("local_key", flat=True))
    _delete(records)


def _delete_meetings(meetings: QuerySet[Meeting]) -> None:
    runs = SyncRun.objects.filter(meeting__in=meetings)
    _delete(SyncAttempt.objects.filter(run__in=runs))
    _delete(runs)
    _delete(Attendee.objects.filter(meeting__in=meetings))
    _delete(meetings)


def _delete(rows: QuerySet[Any]) -> None:
    """Nothing depends on them any more. Django's delete() would load them all to find that out."""
    rows._raw_delete(rows.db)
