"""The only writer of RemoteRecord: what we know to exist in a CRM account."""

from collections.abc import Iterable
from dataclasses import asdict

from django.db.models import Q, QuerySet

from crmsync.engine import attendees
from crmsync.models import Connection, RemoteRecord, SyncRun
from crmsync.providers.base import Ref
from meetings.models import Meeting, SyncStep

Kind = RemoteRecord.Kind


def store(run: SyncRun, refs: Iterable[Ref]) -> None:
    # In a fixed order, so that two meetings that share contacts cannot deadlock.
    by_key = {(ref.kind, ref.local_key): ref for ref in refs}
    RemoteRecord.objects.bulk_create(
        [_record(run, by_key[key]) for key in sorted(by_key)],
        update_conflicts=True,
        unique_fields=["connection", "kind", "local_key"],
        update_fields=["meeting", "remote_id", "url", "action", "payload_hash", "written_at"],
    )


def add_written(run: SyncRun, refs: Iterable[Ref]) -> list[dict[str, str]]:
    """What the run has written so far, `refs` included, as its owner reads it."""
    people = {attendee.email: attendee.name for attendee in run.meeting.attendees.all()}
    written = {(entry["kind"], entry["key"]): entry for entry in run.written}
    for ref in refs:
        written[ref.kind, ref.local_key] = {
            "kind": ref.kind,
            "key": ref.local_key,
            "name": people.get(ref.local_key, "") if ref.kind == Kind.CONTACT else "",
            "action": ref.action,
            "url": ref.url,
            "remark": ref.remark,
        }
    return list(written.values())


def _record(run: SyncRun, ref: Ref) -> RemoteRecord:
    # A contact may belong to many meetings, so it is stored with none.
    meeting = None if ref.kind == Kind.CONTACT else run.meeting
    values = asdict(ref)
    del values["remark"]
    return RemoteRecord(connection_id=run.connection_id, meeting=meeting, **values)


def lookup(connection: Connection, kind: str, local_keys: Iterable[str]) -> list[Ref]:
    found = RemoteRecord.objects.filter(
        connection=connection, kind=kind, local_key__in=list(local_keys)
    ).order_by("local_key")
    return [Ref(kind, r.local_key, r.remote_id, r.action, r.url, r.payload_hash) for r in found]


def is_missing_contacts(run: SyncRun) -> bool:
    """Whether its step will look for contacts, and make those that it does not find.

    The first step tries once more whom the CRM did not accept before.
    """
    emails = {person.email for person in attendees.people_of(run)}
    known = lookup(run.connection, Kind.CONTACT, emails)
    return sum(1 for ref in known if ref.remote_id or run.step > SyncStep.CONTACTS) < len(emails)


def for_meeting(meeting: Meeting) -> QuerySet[RemoteRecord]:
    """All that was written for a meeting, its attendees' contacts included."""
    # Lists: with a subquery beside an OR the database would scan the whole table.
    emails = list(meeting.attendees.values_list("email", flat=True))
    connections = list(Connection.objects.filter(user=meeting.user_id).values_list("pk", flat=True))
    contacts = Q(connection__in=connections, kind=Kind.CONTACT, local_key__in=emails)
    return RemoteRecord.objects.filter(Q(meeting=meeting) | contacts).order_by("kind", "local_key")


def forget_meeting(run: SyncRun) -> None:
    """Forgets all records of the run's meeting, after one of them was deleted in the CRM."""
    for_meeting(run.meeting).filter(connection=run.connection_id).delete()


def forget_account(connection: Connection) -> None:
    RemoteRecord.objects.filter(connection=connection).delete()
