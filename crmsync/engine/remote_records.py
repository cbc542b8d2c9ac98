"""The only writer of RemoteRecord: what we know to exist in a CRM account."""

import json
from collections.abc import Iterable, Sequence

from django.db.models import Q, QuerySet

from crmsync.engine import attendees
from crmsync.models import Connection, RemoteRecord, SyncRun
from crmsync.providers.base import Known, Ref
from meetings import statements
from meetings.models import Attendee, Meeting, SyncStep

Kind, Action = RemoteRecord.Kind, RemoteRecord.Action
# Each attendee with their contact, then the records of the meeting.
PEOPLE_AND_RECORDS = """
    SELECT attendee.id AS attendee, attendee.email, attendee.name,
        kind, local_key, remote_id, action, url, field_digests
    FROM meetings_attendee AS attendee
    LEFT JOIN crmsync_remoterecord
        ON connection_id = %s AND kind = 'contact' AND local_key = attendee.email
    WHERE attendee.meeting_id = %s
    UNION ALL
    SELECT NULL, NULL, NULL, kind, local_key, remote_id, action, url, field_digests
    FROM crmsync_remoterecord WHERE connection_id = %s AND meeting_id = %s
    ORDER BY attendee
"""


def store(run: SyncRun, refs: Iterable[Ref]) -> None:
    # In a fixed order, so that two meetings that share contacts cannot deadlock.
    by_key = {(ref.kind, ref.local_key): ref for ref in refs}
    for kind in Kind:
        gone = [key for key, ref in by_key.items() if ref.action == Action.REMOVED]
        keys = [local_key for of_kind, local_key in gone if of_kind == kind]
        if keys:
            own = RemoteRecord.objects.filter(connection=run.connection_id, kind=kind)
            own.filter(local_key__in=keys).delete()
    kept = [by_key[key] for key in sorted(by_key) if by_key[key].action != Action.REMOVED]
    _upsert([_record(run, ref) for ref in kept], ["meeting_id", "remote_id", "url", "action"])


def intend(run: SyncRun, *refs: Ref) -> None:
    """Keeps the digests of writes before they are made, since their answers may be lost."""
    _upsert([_record(run, ref) for ref in refs], [])


def _upsert(records: Sequence[RemoteRecord], further: Sequence[str]) -> None:
    unique = ["connection_id", "kind", "local_key"]
    statements.upsert(records, unique, ["field_digests", "written_at", *further])


def add_written(run: SyncRun, refs: Iterable[Ref]) -> list[dict[str, str]]:
    """What the run has written so far, `refs` included, as its owner reads it."""
    people = {attendee.email: attendee.name for attendee in run.meeting.people}
    written = {(entry["kind"], entry["key"]): entry for entry in run.written}
    for ref in refs:
        if ref.kind == Kind.LINK and not ref.remark:
            continue  # That somebody is linked goes without saying.
        person = ref.local_key.partition(":")[2] or ref.local_key
        named = people.get(person) or ("" if ref.kind == Kind.CONTACT else person)
        written[ref.kind, ref.local_key] = {
            "kind": ref.kind,
            "key": ref.local_key,
            "name": named if ref.kind in {Kind.CONTACT, Kind.LINK} else "",
            "action": ref.action,
            "url": ref.url,
            "remark": ref.remark,
        }
    return list(written.values())


def _record(run: SyncRun, ref: Ref) -> RemoteRecord:
    # A contact may belong to many meetings, so it is stored with none.
    return RemoteRecord(
        connection_id=run.connection_id,
        meeting=None if ref.kind == Kind.CONTACT else run.meeting,
        kind=ref.kind,
        local_key=ref.local_key,
        remote_id=ref.remote_id,
        action=ref.action or Action.UNCHANGED,
        url=ref.url,
        field_digests=dict(ref.digests),
    )


def read(run: SyncRun) -> tuple[list[Attendee], Known]:
    """The attendees, and what the run's account holds of them and of the meeting, as we know it."""
    given = (run.connection_id, run.meeting_id)
    people: list[Attendee] = []
    known: dict[tuple[str, str], Ref] = {}
    for pk, email, name, kind, *record in statements.execute(PEOPLE_AND_RECORDS, *given, *given):
        if pk is not None:
            people.append(Attendee(pk, run.meeting_id, email, name))
        if kind is not None:
            known[kind, record[0]] = _ref(kind, *record)
    return people, known


def read_again(run: SyncRun) -> Known:
    """What the account holds by now of the meeting and of those who attended it at the claim."""
    emails = [attendee.email for attendee in run.meeting.people]
    found = RemoteRecord.objects.filter(
        Q(meeting=run.meeting_id) | Q(kind=Kind.CONTACT, local_key__in=emails),
        connection=run.connection_id,
    )
    fields = ("kind", "local_key", "remote_id", "action", "url", "field_digests")
    return {(row[0], row[1]): Ref(*row) for row in found.values_list(*fields)}


def _ref(kind: str, local_key: str, *row: str) -> Ref:
    remote_id, action, url, digests = row
    return Ref(kind, local_key, remote_id, action, url, json.loads(digests))


def is_missing_contacts(run: SyncRun, known: Known) -> bool:
    """Whether its step will look for contacts, and make those that it does not find.

    The first step tries once more whom the CRM did not accept before.
    """
    if run.removes:
        return False
    refs = [known.get((Kind.CONTACT, person.email)) for person in attendees.people_of(run)]
    return not all(ref and (ref.remote_id or run.step > SyncStep.CONTACTS) for ref in refs)


def for_meeting(meeting: Meeting) -> QuerySet[RemoteRecord]:
    """All that was written for a meeting, its attendees' contacts included."""
    # Lists: with a subquery beside an OR the database would scan the whole table.
    emails = list(meeting.attendees.values_list("email", flat=True))
    connections = list(Connection.objects.filter(user=meeting.user_id).values_list("pk", flat=True))
    contacts = Q(connection__in=connections, kind=Kind.CONTACT, local_key__in=emails)
    return RemoteRecord.objects.filter(Q(meeting=meeting) | contacts).order_by("kind", "local_key")


def forget_meeting(run: SyncRun) -> None:
    """Forgets where the records of the run's meeting are, after one was deleted in the CRM.

    What we wrote, and whom we linked, remains known.
    """
    records = for_meeting(run.meeting).filter(connection=run.connection_id)
    records.exclude(kind=Kind.LINK).update(remote_id="")


def forget_removed(run: SyncRun) -> None:
    """The attendees' contacts stay, in the CRM as well."""
    RemoteRecord.objects.filter(connection=run.connection_id, meeting=run.meeting_id).delete()


def forget_account(connection: Connection) -> None:
    RemoteRecord.objects.filter(connection=connection).delete()
