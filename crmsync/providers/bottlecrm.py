"""BottleCRM, an open source CRM (django-crm on PyPI), with a personal access token.

It has no field for our key, so every record is looked up before it is written: a contact by its
address, which is unique there; an interaction by a mark at the end of its body. An interaction
belongs to one contact for good. So each attendee has one of their own; the first attendee's counts
as the meeting.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_noop

from crmsync.errors import CrmError
from crmsync.providers.base import (
    Account,
    Known,
    MeetingContent,
    Person,
    Ref,
    Session,
    link_key,
    skipped,
)
from crmsync.providers.formatting import (
    MARK_LENGTH,
    MAX_PREFIX,
    PREFIX,
    Marked,
    fit,
    is_marked,
    last_name_for,
    mark,
    split_name,
    split_prefix,
    titled,
    with_prefix,
)
from crmsync.providers.gone import not_found_means_deleted, unless_gone
from crmsync.providers.http import Answer, CrmClient, checking_address, error_of
from crmsync.providers.merging import LEFT, Form, instant, is_untouched, one_line
from crmsync.providers.options import CREATE_PEOPLE, Choices
from crmsync.providers.parsing import as_object, require_id
from crmsync.providers.writing import (
    Writer,
    links_of,
    not_made,
    notes_of,
    of_meeting,
    removed,
    unlinked,
)

PAGE = 200  # Interactions per answer, at most.
CONTACTS_PAGE = 100
MAX_PAGES = 50
NAME_LIMIT, TITLE_LIMIT, BODY_LIMIT = 255, 200 - MAX_PREFIX, 10_000
FORMS = {
    "occurred_at": Form(instant, group="time"),
    "duration_seconds": Form(group="time"),
    "body": Form(one_line, "\n", BODY_LIMIT - MARK_LENGTH),
}
FIELDS = {
    "email": gettext_noop("e-mail address"),
    "first_name": gettext_noop("attendee’s name"),
    "last_name": gettext_noop("attendee’s name"),
    "subject": gettext_noop("title"),
    "body": gettext_noop("notes"),
    "occurred_at": gettext_noop("start"),
    "duration_seconds": gettext_noop("end"),
}
UNAUTHENTICATED = "organization context is required"  # Its answer to an unknown token.
REQUIRED = "required"


class BottleCrm:
    name = "BottleCRM"
    needs: Sequence[str] = ("url", "token")
    address = "url"
    token = "token"  # noqa: S105
    choices: Choices = CREATE_PEOPLE

    def __init__(self, session: Session) -> None:
        self.session = session
        self.writer = Writer(session, FORMS)
        self.url = str(session.credentials.get("url", "")).rstrip("/")
        token = str(session.credentials.get("token", ""))
        self.client = CrmClient(self.url, session, token, explain)
        self.host = self.client.host

    def check(self) -> Account:
        """A token does not reveal its owner, so the account is the address.

        The malformed requests write nothing: they are refused after the check of permissions.
        """
        with checking_address():
            self.client.call("GET", "/api/contacts/", params={"limit": 1})
        for method, path in [
            ("POST", "/api/contacts/"),
            ("GET", "/api/interactions/"),
            ("POST", "/api/interactions/"),
        ]:
            self._check_permission(method, path)
        return Account(self.url[:255], self.url.partition("://")[2])

    def upsert_contacts(self, people: Sequence[Person], known: Known) -> Sequence[Ref]:
        return [self._upsert_or_skip(person) for person in people]

    def _upsert_or_skip(self, person: Person) -> Ref:
        try:
            return self._upsert_contact(person)
        except CrmError as error:
            return skipped(person, error)

    def upsert_meeting(
        self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        if not contacts:
            raise self._needs_an_attendee(meeting, known)
        first = _first_of(contacts)
        link = self._write(meeting, first, known, _content(meeting))
        remark = link.remark or fit(meeting.title, TITLE_LIMIT)[1]
        ref = replace(link, kind="meeting", local_key=str(meeting.key), remark=remark)
        return [ref, replace(link, remark="")]

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        if not contacts:
            raise self._needs_an_attendee(meeting, known)
        text, remark = fit(_text(meeting), BODY_LIMIT - MARK_LENGTH)
        own, copies = {"body": text}, {**_content(meeting), "body": text}
        first = _first_of(contacts)
        links = [
            self._write(meeting, contact, known, own if contact == first else copies)
            for contact in contacts
        ]
        keys = {link.local_key for link in links}
        left = [ref for ref in links_of(known) if ref.local_key not in keys]
        gone = [self._take_back(ref, meeting) for ref in left]
        action = "updated" if any(link.action != "unchanged" for link in links) else "unchanged"
        kept = links[contacts.index(first)].remark
        note = Ref("note", str(meeting.key), meeting_ref.remote_id, action, remark=remark or kept)
        notes = notes_of(meeting, note, known.get(("note", note.local_key)))
        return [*notes, *[replace(link, remark="") for link in links], *gone]

    def remove(self, meeting: MeetingContent, known: Known) -> Sequence[Ref]:
        """Also what we may have made without having been told so."""
        emails = [key for kind, key in known if kind == "contact"]
        for contact_id in filter(None, map(self._find_contact, emails)):
            with unless_gone():
                row = self._find(meeting, contact_id, "")
                self._delete(require_id(row) if row else "")
        for ref in of_meeting(known):
            self._delete(ref.remote_id)
        return removed(of_meeting(known))

    def _needs_an_attendee(self, meeting: MeetingContent, known: Known) -> CrmError:
        for ref in links_of(known):
            self._take_back(ref, meeting)
        detail = gettext_noop("A meeting needs an attendee.")
        return CrmError("field_missing", field=gettext_noop("attendees"), detail=detail)

    def _take_back(self, ref: Ref, meeting: MeetingContent) -> Ref:
        """Removes the interaction of somebody who left, unless somebody wrote there."""
        try:
            # There is no other way to read a single one; it changes nothing.
            found = self._change(ref.remote_id, {}) if ref.remote_id else {}
        except CrmError as error:
            if error.code != "record_deleted":
                raise
            found = {}
        if found and not self._is_ours(found, ref, meeting):
            return replace(ref, action="unchanged", remark=LEFT)
        self._delete(require_id(found) if found else "")
        return unlinked([ref])[0]

    def _is_ours(self, found: Mapping[str, Any], ref: Ref, meeting: MeetingContent) -> bool:
        read = _as_read(found, Marked(found.get("body"), meeting.key, mark(meeting.key)))
        return not ref.digests or is_untouched(read, ref.digests, FORMS)

    def _upsert_contact(self, person: Person) -> Ref:
        found = self._find_contact(person.email)
        if found:
            return Ref("contact", person.email, found, "unchanged")
        if self.session.options.get("create_people") == "nobody":
            return not_made(person)
        first, last = split_name(person.name)
        last = last or last_name_for(person.email)
        names = {"first_name": (first or last)[:NAME_LIMIT], "last_name": last[:NAME_LIMIT]}
        try:
            made = self.client.call("POST", "/api/contacts/", json={**names, "email": person.email})
        except CrmError as error:
            # Somebody else may have created it just now.
            found = self._find_contact(person.email) if error.http_status == 400 else None
            if not found:
                raise
            return Ref("contact", person.email, found, "unchanged")
        return Ref("contact", person.email, require_id(made), "created")

    def _find_contact(self, email: str) -> str | None:
        """The CRM also matches parts of addresses, so the match is checked."""
        asked = {"email": email, "limit": CONTACTS_PAGE}
        for page in self._pages("/api/contacts/", "results", asked):
            for contact in page:
                if str(contact.get("email")).lower() == email:
                    return require_id(contact)
        return None

    def _write(
        self, meeting: MeetingContent, contact: Ref, known: Known, ours: Mapping[str, Any]
    ) -> Ref:
        """The contact's interaction, as a link."""
        key = link_key(meeting, contact.local_key)
        old = known.get(("link", key))
        found = self._find(meeting, contact.remote_id, old.remote_id if old else "")
        if found is None:
            return self._make(meeting, contact, Ref("link", key, "", ""), old, ours)
        body = Marked(found.get("body"), meeting.key, mark(meeting.key))
        remote_id, theirs = require_id(found), _as_read(found, body)

        def send(changes: Mapping[str, Any]) -> Mapping[str, Any]:
            sent = _as_sent({**theirs, **changes}, [*changes], body)
            return _as_read(self._change(remote_id, sent), body)

        written = self.writer.change(Ref("link", key, remote_id, ""), old, ours, theirs, send)
        if written.action == "unchanged" and not body.is_marked:
            self._change(remote_id, {"body": body.with_mark(body.without)})
        return written

    def _make(
        self,
        meeting: MeetingContent,
        contact: Ref,
        new: Ref,
        old: Ref | None,
        ours: Mapping[str, Any],
    ) -> Ref:
        made = self.writer.create(new, old, ours)
        body = Marked("", meeting.key, mark(meeting.key))
        sent = _as_sent({"body": "", **ours}, [*ours], body)
        content = {**sent, "kind": "meeting", "contact": contact.remote_id}
        with not_found_means_deleted():
            answer = self.client.call("POST", "/api/interactions/", json=content)
        return replace(made, remote_id=require_id(answer))

    def _find(
        self, meeting: MeetingContent, contact_id: str, known_id: str
    ) -> dict[str, Any] | None:
        """The contact's interaction: the known one, or one that is marked.

        All of the contact's are read, so one that is not found is not there.
        """
        asked = {"contact": contact_id, "limit": PAGE}
        with not_found_means_deleted():
            for page in self._pages("/api/interactions/", "interactions", asked):
                for interaction in page:
                    is_ours = is_marked(interaction.get("body"), meeting.key)
                    if is_ours or interaction.get("id") == known_id:
                        return interaction
        return None

    def _delete(self, remote_id: str) -> None:
        if remote_id:
            with unless_gone():
                self.client.call("DELETE", f"/api/interactions/{remote_id}/")

    def _pages(
        self, path: str, name: str, asked: Mapping[str, Any]
    ) -> Iterator[list[dict[str, Any]]]:
        offset = 0
        for _ in range(MAX_PAGES):
            answer = self.client.call("GET", path, params={**asked, "offset": offset})
            rows = answer.get(name) if isinstance(answer, dict) else None
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise CrmError("unexpected_error", f"BottleCRM sent no {name}.")
            yield rows
            offset += len(rows)
            if len(rows) < asked["limit"]:
                return
        raise CrmError("unexpected_error", "Too many pages of records.")

    def _change(self, remote_id: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        with not_found_means_deleted():
            changed = self.client.call("PATCH", f"/api/interactions/{remote_id}/", json=content)
        return as_object(changed)

    def _check_permission(self, method: str, path: str) -> None:
        try:
            self.client.call(method, path, json={} if method == "POST" else None)
        except CrmError as error:
            if error.http_status != 400:
                raise


def explain(answer: Answer) -> CrmError:
    data = answer.data if isinstance(answer.data, dict) else {}
    said = str(data.get("detail") or data.get("message") or "")
    if answer.status == 403 and UNAUTHENTICATED in str(data).lower():
        return error_of(answer, "connection_expired")
    if answer.status == 403:
        return error_of(answer, detail=said[:500])
    field, words = _refused_field(data)
    if answer.status != 400 or field not in FIELDS:
        return error_of(answer)
    code = "field_missing" if REQUIRED in words else "record_rejected"
    return error_of(answer, code, field=FIELDS[field], detail=words)


def _refused_field(data: Mapping[str, Any]) -> tuple[str, str]:
    errors = data.get("errors")
    if not isinstance(errors, dict) or not errors:
        return "", ""
    field, said = next(iter(errors.items()))
    words = said if isinstance(said, list) else [said]
    return str(field), " ".join(str(word) for word in words)[:500]


def _first_of(contacts: Sequence[Ref]) -> Ref:
    """Whose interaction counts as the meeting."""
    return min(contacts, key=lambda contact: contact.local_key)


def _content(meeting: MeetingContent) -> dict[str, Any]:
    prefix, title = titled(meeting)
    return {
        "occurred_at": meeting.starts_at.isoformat(),
        "duration_seconds": int((meeting.ends_at - meeting.starts_at).total_seconds()),
        "subject": fit(title, TITLE_LIMIT)[0],
        PREFIX: prefix,
    }


def _text(meeting: MeetingContent) -> str:
    """The location and the notes."""
    return "\n\n".join(filter(None, [meeting.location, meeting.notes]))


def _as_read(interaction: Mapping[str, Any], body: Marked) -> dict[str, Any]:
    """Without the mark, and with the prefix of the subject beside it."""
    prefix, title = split_prefix(interaction.get("subject"))
    text = body.strip(interaction.get("body"))
    return {**interaction, "subject": title, PREFIX: prefix, "body": text}


def _as_sent(content: Mapping[str, Any], names: Sequence[str], body: Marked) -> dict[str, Any]:
    """Those that are named, and always the marked body."""
    sent = {name: content[name] for name in names if name != PREFIX}
    if {"subject", PREFIX} & {*names}:
        sent["subject"] = with_prefix(content[PREFIX], content["subject"])
    return {**sent, "body": body.with_mark(content["body"])}
