"""BottleCRM, an open source CRM (django-crm on PyPI), with a personal access token.

It has no field for our key, so every record is looked up before it is written: a contact by its
address, which is unique there; an interaction by a mark at the end of its body. An interaction
belongs to exactly one contact: the first attendee has the meeting, each other attendee a copy.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_noop

from crmsync.errors import CrmError
from crmsync.providers.base import Account, Known, MeetingContent, Person, Ref, Session, skipped
from crmsync.providers.formatting import fit, is_marked, last_name_for, mark, split_name
from crmsync.providers.http import (
    Answer,
    CrmClient,
    checking_address,
    error_of,
    not_found_means_deleted,
)
from crmsync.providers.parsing import require_id

PAGE = 200  # Interactions per answer, at most.
CONTACTS_PAGE = 100
MAX_PAGES = 50
NAME_LIMIT, TITLE_LIMIT, BODY_LIMIT = 255, 200, 10_000
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

    def __init__(self, session: Session) -> None:
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

    def upsert_meeting(self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known) -> Ref:
        if not contacts:
            field = gettext_noop("attendees")
            detail = gettext_noop("A meeting needs an attendee.")
            raise CrmError("field_missing", field=field, detail=detail)
        first = min(contacts, key=lambda contact: contact.local_key)
        key = str(meeting.key)
        remote_id, action = self._write(meeting, first, known.get(key))
        remark = fit(meeting.title, TITLE_LIMIT)[1]
        return Ref("meeting", key, remote_id, action, remark=remark)

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref]
    ) -> Sequence[Ref]:
        body, remark = _body(meeting)
        key = str(meeting.key)
        self._change(meeting_ref.remote_id, {"body": body})
        written = (meeting_ref.remote_id, "updated", meeting_ref.url)
        notes = [Ref("note", key, *written, remark=remark)] if meeting.notes else []
        copies = (self._copy(meeting_ref, meeting, contact, body) for contact in contacts)
        return [*notes, *(copy for copy in copies if copy.remote_id != meeting_ref.remote_id)]

    def _copy(self, meeting_ref: Ref, meeting: MeetingContent, contact: Ref, body: str) -> Ref:
        """The contact's copy; for the contact of the meeting itself, the meeting."""
        key = f"{meeting.key}:{contact.local_key}"
        remote_id, action = self._write(meeting, contact, None)
        if remote_id != meeting_ref.remote_id:
            self._change(remote_id, {"body": body})
        return Ref("link", key, remote_id, action)

    def _upsert_contact(self, person: Person) -> Ref:
        found = self._find_contact(person.email)
        if found:
            return Ref("contact", person.email, found, "unchanged")
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

    def _write(self, meeting: MeetingContent, contact: Ref, known: str | None) -> tuple[str, str]:
        remote_id = known or self._find(meeting, contact)
        content = _content(meeting)
        if remote_id:
            self._change(remote_id, content)
            return remote_id, "updated"
        new = {"kind": "meeting", "contact": contact.remote_id, "body": mark(meeting.key)}
        with not_found_means_deleted():
            made = self.client.call("POST", "/api/interactions/", json={**content, **new})
        return require_id(made), "created"

    def _find(self, meeting: MeetingContent, contact: Ref) -> str | None:
        asked = {"contact": contact.remote_id, "limit": PAGE}
        with not_found_means_deleted():
            for page in self._pages("/api/interactions/", "interactions", asked):
                for interaction in page:
                    if is_marked(interaction.get("body"), meeting.key):
                        return require_id(interaction)
        return None

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

    def _change(self, remote_id: str, content: Mapping[str, Any]) -> None:
        with not_found_means_deleted():
            self.client.call("PATCH", f"/api/interactions/{remote_id}/", json=content)

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


def _content(meeting: MeetingContent) -> dict[str, Any]:
    return {
        "occurred_at": meeting.starts_at.isoformat(),
        "duration_seconds": int((meeting.ends_at - meeting.starts_at).total_seconds()),
        "subject": fit(meeting.title, TITLE_LIMIT)[0],
    }


def _body(meeting: MeetingContent) -> tuple[str, str]:
    """The location and the notes, then the mark, and a remark if they are shortened."""
    place = f"{meeting.location}\n\n" if meeting.location else ""
    ending = f"\n\n{mark(meeting.key)}"
    return fit(place + meeting.notes, BODY_LIMIT, lambda text: (text + ending).lstrip())
