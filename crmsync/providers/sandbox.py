"""A CRM in our own database that answers like a remote one.

It fails on demand, as sandbox_faults.py says. The token `expired` is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django.conf import settings
from django.urls import reverse

from crmsync.errors import CrmError
from crmsync.models import SandboxFault, SandboxRecord
from crmsync.providers.base import (
    Account,
    Known,
    MeetingContent,
    Person,
    Ref,
    Session,
    link_key,
)
from crmsync.providers.merging import Form, instant, one_line
from crmsync.providers.options import CREATE_PEOPLE, Choices
from crmsync.providers.sandbox_faults import Faults
from crmsync.providers.writing import (
    Writer,
    found_there,
    made_links_of,
    not_made,
    notes_of,
    of_meeting,
    removed,
    unlinked,
)
from meetings.models import SyncStep

NAME = "sandbox"
CONNECTION = {"provider": NAME, "account_id": "Sandbox", "account_name": "Sandbox"}
FORMS = {
    "starts_at": Form(instant, group="time"),
    "ends_at": Form(instant, group="time"),
    "notes": Form(one_line, "\n", 200_000),
}


class Sandbox:
    name = "Sandbox"
    needs: Sequence[str] = ()
    address = ""
    token = "token"  # noqa: S105
    choices: Choices = CREATE_PEOPLE
    host = ""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.writer = Writer(session, FORMS)
        self.faults = Faults(session)
        self.account = str(session.credentials.get("account") or "Sandbox")[:255]

    def check(self) -> Account:
        self.faults.answer()
        if self.session.credentials.get("token") == "expired":
            raise CrmError("connection_expired", "The token `expired` is refused.", http_status=401)
        return Account(id=self.account, name=self.account)

    def upsert_contacts(self, people: Sequence[Person], known: Known) -> Sequence[Ref]:
        with self.faults.acting([person.email for person in people], SyncStep.CONTACTS):
            return [self._contact(person, known) for person in people]

    def upsert_meeting(
        self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        with self.faults.acting([contact.local_key for contact in contacts], SyncStep.MEETING):
            key, ours = str(meeting.key), _content_of(meeting)
            old, record = known.get(("meeting", key)), self._find("meeting", key)
            if record is not None:
                return [self._change(record, old, ours)]
            if old and old.remote_id:
                raise CrmError("record_deleted", "The sandbox does not have the meeting any more.")
            made = self.writer.create(Ref("meeting", key, "", ""), old, ours)
            emails = sorted(contact.local_key for contact in contacts)
            links = [_link(meeting, contact) for contact in contacts]
            self.session.intend(*links)
            record = self._make("meeting", key, {**ours, "contacts": emails})
            return [replace(made, remote_id=str(record.pk), url=_url(record)), *links]

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        with self.faults.acting([contact.local_key for contact in contacts], SyncStep.NOTES):
            links = self._settle_links(meeting, contacts, known)
            return [*self._write_notes(meeting_ref, meeting, known), *links]

    def remove(self, meeting: MeetingContent, known: Known) -> Sequence[Ref]:
        emails = [ref.local_key for (kind, _), ref in known.items() if kind == "contact"]
        with self.faults.acting(emails, SyncStep.NOTES):
            forget_meetings([str(meeting.key)])
        return removed(of_meeting(known))

    def _contact(self, person: Person, known: Known) -> Ref:
        old, record = known.get(("contact", person.email)), self._find("contact", person.email)
        ours = {"name": person.name}
        if record is not None:
            return self._change(record, old, ours)
        if self.session.options.get("create_people") == "nobody":
            return not_made(person)
        made = self.writer.create(Ref("contact", person.email, "", ""), old, ours)
        record = self._make("contact", person.email, ours)
        return replace(made, remote_id=str(record.pk), url=_url(record))

    def _settle_links(
        self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> list[Ref]:
        """Only whom we linked earlier is taken off."""
        record = self._find("meeting", str(meeting.key))
        if record is None:
            raise CrmError("record_deleted", "The sandbox does not have the meeting any more.")
        old = {ref.local_key.partition(":")[2]: ref for ref in made_links_of(known)}
        wanted = {contact.local_key: contact for contact in contacts}
        linked = set(record.data.get("contacts", []))
        settled = sorted({*wanted} | (linked - {*old}))
        links = [_link(meeting, contact) for contact in contacts]
        links = [
            link if email not in linked or email in old else found_there(link)
            for email, link in zip(wanted, links, strict=True)
        ]
        if settled != sorted(linked):
            self.session.intend(*(one for one in links if one.action == "created"))
            self._save(record, {"contacts": settled})
        return [*links, *unlinked(ref for email, ref in old.items() if email not in wanted)]

    def _write_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, known: Known
    ) -> Sequence[Ref]:
        key = str(meeting.key)
        old, record = known.get(("note", key)), self._find("note", key)
        if record is None and not meeting.notes:
            return []
        ours = {"notes": meeting.notes}
        if record is not None:
            return notes_of(meeting, self._change(record, old, ours), old)
        made = self.writer.create(Ref("note", key, "", ""), old, ours)
        record = self._make("note", key, {"meeting": meeting_ref.remote_id, **ours})
        return [replace(made, remote_id=str(record.pk), url=_url(record))]

    def _change(self, record: SandboxRecord, old: Ref | None, ours: dict[str, Any]) -> Ref:
        ref = Ref(record.kind, record.key, str(record.pk), "", _url(record))
        return self.writer.change(ref, old, ours, record.data, partial(self._save, record))

    def _find(self, kind: str, key: str) -> SandboxRecord | None:
        return SandboxRecord.objects.filter(account=self.account, kind=kind, key=key).first()

    def _make(self, kind: str, key: str, data: dict[str, Any]) -> SandboxRecord:
        records = SandboxRecord.objects
        return records.get_or_create(
            account=self.account, kind=kind, key=key, defaults={"data": data}
        )[0]

    def _save(self, record: SandboxRecord, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        record.data = {**record.data, **changes}
        record.save(update_fields=["data", "updated_at"])
        return record.data


def _content_of(meeting: MeetingContent) -> dict[str, Any]:
    return {
        "title": meeting.title,
        "starts_at": meeting.starts_at.isoformat(),
        "ends_at": meeting.ends_at.isoformat(),
        "location": meeting.location,
        "status": meeting.status,
    }


def _link(meeting: MeetingContent, contact: Ref) -> Ref:
    return Ref("link", link_key(meeting, contact.local_key), contact.remote_id, "created")


def forget_meetings(keys: Sequence[str]) -> None:
    SandboxRecord.objects.filter(kind__in=("meeting", "note"), key__in=keys).delete()
    SandboxFault.objects.filter(meeting_key__in=keys).delete()


def forget_contacts(emails: Iterable[str]) -> None:
    left = list(emails)
    while left:  # Databases limit the values of a statement.
        SandboxRecord.objects.filter(kind="contact", key__in=left[:1000]).delete()
        del left[:1000]


def _url(record: SandboxRecord) -> str:
    return settings.PUBLIC_URL + reverse("admin:crmsync_sandboxrecord_change", args=[record.pk])
