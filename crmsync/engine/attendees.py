"""Whom a sync saves as contacts, and whom it leaves out."""

from collections.abc import Sequence

from crmsync.connections import store
from crmsync.models import RemoteRecord, SyncRun
from crmsync.providers.base import Person, Ref
from crmsync.providers.roles import REASONS, role_of

CONTACT, SKIPPED = RemoteRecord.Kind.CONTACT, RemoteRecord.Action.SKIPPED


def people_of(run: SyncRun) -> list[Person]:
    return [person for person in _everybody(run) if person.role not in REASONS]


def left_out(run: SyncRun) -> Sequence[Ref]:
    return [
        Ref(CONTACT, person.email, "", SKIPPED, remark=REASONS[person.role])
        for person in _everybody(run)
        if person.role in REASONS
    ]


def _everybody(run: SyncRun) -> list[Person]:
    owner = run.connection.user.email
    options = store.options_of(run.connection)
    people = run.meeting.people
    return [Person(it.email, it.name, role_of(it.email, owner, options)) for it in people]
