"""Salesforce, through its REST API, with one composite request per step.

A meeting is an Event that is found again by an external id of ours. In an org without that field,
as `check` finds out, a mark at the end of its description identifies it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop

import crmsync.providers.salesforce_payloads as payloads
import crmsync.providers.salesforce_setup as setup
from crmsync.errors import CrmError
from crmsync.providers.base import (
    Account,
    Known,
    MeetingContent,
    OAuth,
    Person,
    Ref,
    Session,
)
from crmsync.providers.formatting import Marked, fit, is_marked, mark
from crmsync.providers.gone import not_found_means_deleted, unless_gone
from crmsync.providers.http import CrmClient
from crmsync.providers.options import EVERY_CHOICE, Choices
from crmsync.providers.parsing import as_object
from crmsync.providers.salesforce_calls import QUERY_SIZE, Calls, records_in
from crmsync.providers.salesforce_errors import KEY, explain, has_no_access
from crmsync.providers.salesforce_guests import Guests, guests_of
from crmsync.providers.salesforce_people import People
from crmsync.providers.writing import Writer, contacts_of, notes_of, of_meeting, removed

NOTES_LIMIT = payloads.NOTES_LIMIT
NOT_ALL = gettext_noop("not with every attendee")
FIND_EVENTS = "SELECT {} FROM Event WHERE {}"
FIND_GUESTS = "SELECT RelationId FROM EventWhoRelation WHERE EventId = {}"
FIND_ACCOUNTS = "SELECT Id, AccountId FROM Contact WHERE Id IN ({})"


def oauth() -> OAuth:
    return OAuth(
        authorize_url=f"{settings.SALESFORCE_LOGIN_URL}/services/oauth2/authorize",
        token_host=settings.SALESFORCE_LOGIN_URL,
        token_path="/services/oauth2/token",  # noqa: S106
        revoke_path="/services/oauth2/revoke",
        client_id=settings.SALESFORCE_CLIENT_ID,
        client_secret=settings.SALESFORCE_CLIENT_SECRET,
        scopes="api refresh_token",
        domains=(".salesforce.com", ".salesforce.mil"),
    )


@dataclass(frozen=True)
class EventState:
    """An event as it is before the third step, the guests it should have, and their account."""

    event: Mapping[str, Any]
    guests: Guests
    account: str


class Salesforce:
    name = "Salesforce"
    needs: Sequence[str] = ("instance_url", "access_token")
    address = "instance_url"
    token = "access_token"  # noqa: S105
    choices: Choices = EVERY_CHOICE

    def __init__(self, session: Session) -> None:
        self.session = session
        self.writer = Writer(session, payloads.FORMS)
        self.url = str(session.credentials.get("instance_url", "")).rstrip("/")
        token = str(session.credentials.get("access_token", ""))
        self.can = session.capabilities
        self.client = CrmClient(self.url, session, token, explain)
        self.host = self.client.host
        self.calls = Calls(self.client)

    def check(self) -> Account:
        organization = setup.organization(self.client)
        can = setup.abilities(self.calls, self.session.options, self.session.owner)
        degraded = [name for name, able in can.items() if not able]
        name = str(organization.get("Name"))
        return Account(payloads.id_of(organization), name, can, degraded)

    def upsert_contacts(self, people: Sequence[Person], known: Known) -> Sequence[Ref]:
        create = str(self.session.options.get("create_people"))
        if create == "leads" and not self.can.get("leads"):
            create = "contacts"
        return People(self.calls, self.url, create).upsert(people)

    def upsert_meeting(
        self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        old = known.get(("meeting", str(meeting.key)))
        found = self._find_event(meeting, old, contacts)
        if old and old.remote_id and found is None:
            raise CrmError("record_deleted", "Salesforce does not have the event any more.")
        new = Ref("meeting", str(meeting.key), "", "", remark=payloads.remark_of(meeting))
        if found is None:
            return self._make_event(meeting, new, old, contacts)
        placed, event = self._placed(new, payloads.id_of(found), ""), payloads.as_read(found)
        send = partial(self._change, placed.remote_id, event)
        return [self.writer.change(placed, old, self._fields(meeting), event, send)]

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        state = self._read_for_notes(meeting_ref.remote_id, contacts, known)
        links = state.guests.links(meeting, contacts, known)
        new = [link for link in links if link.remote_id not in state.guests.before]
        if new:
            self.session.intend(*new)
        notes = self._write_notes(meeting_ref, meeting, known, state)
        is_complete = {contact.remote_id for contact in contacts} <= {*state.guests.named}
        return [*notes, *links, *([] if is_complete else [self._incomplete(meeting_ref)])]

    def remove(self, meeting: MeetingContent, known: Known) -> Sequence[Ref]:
        contacts = contacts_of(known)
        found = self._find_event(meeting, known.get(("meeting", str(meeting.key))), contacts)
        if found is not None:
            with unless_gone():
                self.calls.one("DELETE", f"/sobjects/Event/{payloads.id_of(found)}")
        return removed(of_meeting(known))

    def _find_event(
        self, meeting: MeetingContent, known: Ref | None, contacts: Sequence[Ref]
    ) -> dict[str, Any] | None:
        """A known id wins over the key: the record may be older than the key field."""
        if known and known.remote_id:
            found = self._events(f"Id = {payloads.quoted(known.remote_id)}")
        elif self.can.get("unique_key"):
            found = self._events(f"{KEY} = {payloads.quoted(str(meeting.key))}")
        else:
            candidates = self._events(self._candidates(meeting, contacts))
            found = [e for e in candidates if is_marked(e.get("Description"), meeting.key)]
        return found[0] if found else None

    def _events(self, condition: str) -> list[dict[str, Any]]:
        names = ", ".join(["Id", "Description", *self._names()])
        return list(self.calls.query(FIND_EVENTS.format(names, condition)))

    def _candidates(self, meeting: MeetingContent, contacts: Sequence[Ref]) -> str:
        """Descriptions cannot be queried, so every candidate is read."""
        who = payloads.listed([contact.remote_id for contact in contacts[:QUERY_SIZE]])
        same_time = f"StartDateTime = {payloads.format_time(meeting.starts_at)}"
        return f"{same_time} OR WhoId IN ({who})" if who else same_time

    def _make_event(
        self, meeting: MeetingContent, new: Ref, known: Ref | None, contacts: Sequence[Ref]
    ) -> Sequence[Ref]:
        ours = self._fields(meeting)
        made, sent = self.writer.create(new, known, ours), payloads.as_sent(ours, {})
        if self.can.get("unique_key"):
            content = {name: value for name, value in sent.items() if name != KEY}
            done = self.calls.one("PATCH", f"/sobjects/Event/{KEY}/{meeting.key}", content)
            action = "created" if as_object(done).get("created") else "updated"
            return [self._placed(made, payloads.id_of(as_object(done)), action)]
        guests = guests_of([], contacts, {}, several=False)
        links = guests.links(meeting, contacts, {})
        self.session.intend(*links)
        marked = {**sent, "Description": mark(meeting.key), **guests.changes}
        done = self.calls.one("POST", "/sobjects/Event", marked)
        event = self._placed(made, payloads.id_of(as_object(done)), "created")
        return [event, *links]

    def _fields(self, meeting: MeetingContent) -> dict[str, Any]:
        owner = self.can.get("owner") if self.session.options.get("owner") == "by_email" else None
        return {
            **payloads.event_fields(meeting),
            **({KEY: str(meeting.key)} if self.can.get("unique_key") else {}),
            **({"OwnerId": owner} if owner else {}),
        }

    def _names(self) -> list[str]:
        return [*payloads.EVENT_FIELDS, *([KEY] if self.can.get("unique_key") else [])]

    def _read_for_notes(self, event_id: str, contacts: Sequence[Ref], known: Known) -> EventState:
        people = [one.remote_id for one in contacts if one.remote_id.startswith(payloads.CONTACT)]
        queries = [
            FIND_EVENTS.format(
                "Id, Description, WhoId, WhatId", f"Id = {payloads.quoted(event_id)}"
            ),
            FIND_GUESTS.format(payloads.quoted(event_id)),
            FIND_ACCOUNTS.format(payloads.listed(people[:QUERY_SIZE]) or "''"),
        ]
        parts = self.calls.parts([payloads.query_request(query) for query in queries])
        event = next(iter(records_in(parts[0])), None)
        if event is None:
            raise CrmError("record_deleted", "Salesforce does not have the event any more.")
        several = bool(self.can.get("shared_activities")) and not has_no_access(parts[1])
        named = [row.get("RelationId") for row in records_in(parts[1])] if several else []
        current = named if several else [event.get("WhoId")]
        guests = guests_of([str(one) for one in current if one], contacts, known, several=several)
        account = self._account_of(people, guests.named, records_in(parts[2]))
        return EventState(event, guests, account)

    def _account_of(
        self, people: Sequence[str], named: Sequence[str], rows: Sequence[Mapping[str, Any]]
    ) -> str:
        """Of the first person who has one; empty if none has, or nobody wants it."""
        if self.session.options.get("company") != "by_contact":
            return ""
        # An event with a lead belongs to no account.
        if any(one.startswith(payloads.LEAD) for one in named):
            return ""
        accounts = {payloads.id_of(row): str(row.get("AccountId") or "") for row in rows}
        return next((accounts[one] for one in people if accounts.get(one)), "")

    def _write_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, known: Known, state: EventState
    ) -> Sequence[Ref]:
        """In one call with the guests."""
        old, event_id = known.get(("note", str(meeting.key))), meeting_ref.remote_id
        ending = "" if self.can.get("unique_key") else mark(meeting.key)
        text = Marked(state.event.get("Description"), meeting.key, ending)
        notes, remark = fit(meeting.notes, NOTES_LIMIT - len(text.ending))
        ours = {"Description": notes, **({"WhatId": state.account} if state.account else {})}
        theirs = {**state.event, "Description": text.without}
        further = {
            **({} if text.is_marked else {"Description": text.with_mark(text.without)}),
            **state.guests.changes,
        }

        def send(changes: Mapping[str, Any]) -> Mapping[str, Any]:
            marked = dict(changes)
            if "Description" in marked:
                marked["Description"] = text.with_mark(marked["Description"])
            returned = self._patch(event_id, {**further, **marked})
            return {**returned, "Description": text.strip(returned.get("Description"))}

        new = Ref("note", str(meeting.key), event_id, "", meeting_ref.url, remark=remark)
        written = self.writer.change(new, old, ours, theirs, send)
        if written.action == "unchanged" and further:
            self._patch(event_id, further)
        return notes_of(meeting, written, old)

    def _change(
        self, event_id: str, event: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        return payloads.as_read(self._patch(event_id, payloads.as_sent(changes, event)))

    def _patch(self, event_id: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """The event as it is then."""
        names = ", ".join(["Id", "Description", "WhoId", "WhatId", *self._names()])
        query = FIND_EVENTS.format(names, f"Id = {payloads.quoted(event_id)}")
        change = payloads.subrequest("PATCH", f"/sobjects/Event/{event_id}", content)
        with not_found_means_deleted():
            _, found = self.calls.composite([change, payloads.query_request(query)])
        return next(iter(payloads.records_of(found)), {})

    def _incomplete(self, meeting_ref: Ref) -> Ref:
        remote = (meeting_ref.remote_id, "unchanged", meeting_ref.url)
        return Ref("link", meeting_ref.local_key, *remote, remark=NOT_ALL)

    def _placed(self, ref: Ref, remote_id: str, action: str) -> Ref:
        return replace(ref, remote_id=remote_id, action=action, url=f"{self.url}/{remote_id}")
