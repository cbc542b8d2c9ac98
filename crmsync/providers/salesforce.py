"""Salesforce, through its REST API, with one composite request per step.

A meeting is an Event that is found again by an external id of ours. In an org without that field,
as `check` finds out, a mark at the end of its description identifies it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop

import crmsync.providers.salesforce_payloads as payloads
from crmsync.errors import CrmError
from crmsync.providers.base import (
    Account,
    Known,
    MeetingContent,
    OAuth,
    Person,
    Ref,
    Session,
    skipped,
)
from crmsync.providers.formatting import chunks, fit, is_marked, mark
from crmsync.providers.http import Answer, CrmClient, checking_address, not_found_means_deleted
from crmsync.providers.parsing import as_object, as_objects
from crmsync.providers.salesforce_calls import Calls, records_in
from crmsync.providers.salesforce_errors import KEY, duplicates_of, explain, has_no_access

QUERY_SIZE, COMPOSITE_SIZE = 100, 25  # Addresses in a query; requests in a composite.
NOTES_LIMIT, MAX_INVITED = 32_000, 50
NOT_ALL = gettext_noop("not with every attendee")

FIND_CONTACTS = "SELECT Id, Email, AccountId FROM Contact WHERE Email IN ({}) ORDER BY CreatedDate"
FIND_LEADS = (
    "SELECT Id, Email FROM Lead WHERE IsConverted = false AND Email IN ({}) ORDER BY CreatedDate"
)
FIND_ADDRESS = "SELECT Id, Email FROM {} WHERE Id = {}"
DESPITE_WARNINGS = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
FIND_EVENTS = "SELECT Id, Description FROM Event WHERE {}"


def oauth() -> OAuth:
    return OAuth(
        authorize_url=f"{settings.SALESFORCE_LOGIN_URL}/services/oauth2/authorize",
        token_host=settings.SALESFORCE_LOGIN_URL,
        token_path="/services/oauth2/token",  # noqa: S106
        revoke_path="/services/oauth2/revoke",
        client_id=settings.SALESFORCE_CLIENT_ID,
        client_secret=settings.SALESFORCE_CLIENT_SECRET,
        scopes="api refresh_token",
    )


class Salesforce:
    name = "Salesforce"
    needs: Sequence[str] = ("instance_url", "access_token")
    address = "instance_url"
    token = "access_token"  # noqa: S105

    def __init__(self, session: Session) -> None:
        self.url = str(session.credentials.get("instance_url", "")).rstrip("/")
        token = str(session.credentials.get("access_token", ""))
        self.can = session.capabilities
        self.client = CrmClient(self.url, session, token, explain)
        self.host = self.client.host
        self.calls = Calls(self.client)

    def check(self) -> Account:
        asked = {"q": "SELECT Id, Name FROM Organization"}
        with checking_address():
            answer = self.client.call("GET", f"{payloads.DATA}/query", params=asked)
            found = payloads.records_of(answer)
        if not found:
            raise CrmError("permission_missing", "The organization cannot be read.")
        event = as_object(self.client.call("GET", f"{payloads.DATA}/sobjects/Event/describe"))
        if event.get("createable") is False or event.get("updateable") is False:
            raise CrmError("permission_missing", "Events are read-only.", detail="Event")
        fields = {str(field.get("name")): field for field in as_objects(event.get("fields"))}
        key = fields.get(KEY, {})
        is_usable = key.get("externalId") is True and key.get("updateable") is not False
        can = {"unique_key": is_usable, "shared_activities": "EventWhoIds" in fields}
        return Account(payloads.id_of(found[0]), str(found[0].get("Name")), can)

    def upsert_contacts(self, people: Sequence[Person], known: Known) -> Sequence[Ref]:
        refs = []
        for chunk in chunks(people, QUERY_SIZE):
            found = self._find_people([person.email for person in chunk])
            refs += [
                self._person(email, remote_id, "unchanged") for email, remote_id in found.items()
            ]
            missing = [person for person in chunk if person.email not in found]
            for part in chunks(missing, COMPOSITE_SIZE):
                refs += self._make_contacts(part)
        return refs

    def upsert_meeting(self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known) -> Ref:
        key = str(meeting.key)
        has_key = self.can.get("unique_key")
        content = payloads.event_fields(meeting)
        # A known id wins over the key: the record may be older than the key field.
        remote_id = known.get(key)
        if remote_id is None and has_key:
            made = as_object(self.calls.one("PATCH", f"/sobjects/Event/{KEY}/{key}", content))
            return self._meeting(
                meeting, payloads.id_of(made), "created" if made.get("created") else "updated"
            )
        remote_id = remote_id or self._find_event(meeting, contacts)
        if remote_id:
            self._change(remote_id, {**content, **({KEY: key} if has_key else {})})
            return self._meeting(meeting, remote_id, "updated")
        marked = {**content, "Description": mark(meeting.key), **payloads.first_attendee(contacts)}
        made = as_object(self.calls.one("POST", "/sobjects/Event", marked))
        return self._meeting(meeting, payloads.id_of(made), "created")

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref]
    ) -> Sequence[Ref]:
        notes, remark = self._notes(meeting)
        invited, left_out = self._describe(meeting_ref.remote_id, notes, contacts)
        key, written = str(meeting.key), (meeting_ref.remote_id, "updated", meeting_ref.url)
        refs = [Ref("note", key, *written, remark=remark)] if meeting.notes else []
        if invited:
            refs.append(Ref("link", key, *written, remark=NOT_ALL if left_out else ""))
        return refs

    def _find_people(self, emails: Sequence[str]) -> dict[str, str]:
        """Ids by address: contacts before leads, contacts with an account before those without."""
        listed = ", ".join(payloads.quoted(email) for email in emails)
        queries = [query.format(listed) for query in (FIND_CONTACTS, FIND_LEADS)]
        contacts, leads = self.calls.parts([payloads.query_request(query) for query in queries])
        ranked = sorted(records_in(contacts), key=payloads.has_account)
        # Not every user may see leads; then there are none for them.
        best_last = [*([] if has_no_access(leads) else records_in(leads)), *ranked]
        found = {str(record.get("Email")).lower(): payloads.id_of(record) for record in best_last}
        return {email: found[email] for email in emails if email in found}

    def _make_contacts(self, people: Sequence[Person]) -> list[Ref]:
        parts = self.calls.parts([payloads.contact_upsert(person) for person in people])
        return [
            self._made_or_skipped(person, part) for person, part in zip(people, parts, strict=True)
        ]

    def _made_or_skipped(self, person: Person, part: Answer) -> Ref:
        try:
            return self._made_contact(person, part)
        except CrmError as error:
            return skipped(person, error)

    def _made_contact(self, person: Person, part: Answer) -> Ref:
        if (
            part.status == 404
        ):  # Salesforce cannot upsert by some addresses; nobody has this one, so create it.
            new = {"Email": person.email, **payloads.contact_fields(person)}
            (part,) = self.calls.parts([payloads.subrequest("POST", "/sobjects/Contact", new)])
        twins = duplicates_of(part.data)
        if twins:
            same = next((twin for twin in twins if self._has_address(twin, person.email)), None)
            if same:
                return self._person(person.email, same, "unchanged")
            # The rule means somebody else. If it only warns, the contact is made in spite of it.
            new = {"Email": person.email, **payloads.contact_fields(person)}
            anyway = payloads.subrequest("POST", "/sobjects/Contact", new)
            (part,) = self.calls.parts([{**anyway, "httpHeaders": DESPITE_WARNINGS}])
        action = "created" if part.status == 201 else "unchanged"
        return self._person(person.email, payloads.id_of(as_object(payloads.body_of(part))), action)

    def _has_address(self, remote_id: str, email: str) -> bool:
        kind = payloads.PEOPLE.get(remote_id[:3])
        if kind is None:
            return False
        found = self.calls.query(FIND_ADDRESS.format(kind, payloads.quoted(remote_id)))
        return any(str(record.get("Email")).lower() == email for record in found)

    def _find_event(self, meeting: MeetingContent, contacts: Sequence[Ref]) -> str | None:
        """Descriptions cannot be queried, so it reads every candidate."""
        who = ", ".join(payloads.quoted(contact.remote_id) for contact in contacts[:QUERY_SIZE])
        same_person = f" OR WhoId IN ({who})" if who else ""
        same_time = f"StartDateTime = {payloads.format_time(meeting.starts_at)}"
        events = self.calls.query(FIND_EVENTS.format(same_time + same_person))
        found = (event for event in events if is_marked(event.get("Description"), meeting.key))
        return next(map(payloads.id_of, found), None)

    def _notes(self, meeting: MeetingContent) -> tuple[str, str]:
        if self.can.get("unique_key"):
            return fit(meeting.notes, NOTES_LIMIT)
        ending = f"\n\n{mark(meeting.key)}"
        return fit(meeting.notes, NOTES_LIMIT, lambda text: (text + ending).lstrip())

    def _describe(
        self, remote_id: str, notes: str, contacts: Sequence[Ref]
    ) -> tuple[dict[str, Any], bool]:
        """Whom the event names in the end, and whether that leaves somebody out."""
        invited, left_out = self._invited(contacts)
        try:
            self._change(remote_id, {"Description": notes, **invited})
        except CrmError as error:
            if not ("INVALID_FIELD" in error.message and "EventWhoIds" in error.message):
                raise
            # Shared Activities was switched off after the account was connected.
            invited, left_out = payloads.first_attendee(contacts), len(contacts) > 1
            self._change(remote_id, {"Description": notes, **invited})
        return invited, left_out

    def _invited(self, contacts: Sequence[Ref]) -> tuple[dict[str, Any], bool]:
        """Whom the event names (fifty contacts or one lead), and whether that leaves somebody out.

        An empty list would remove people whom somebody else added.
        """
        people = dict.fromkeys(ref.remote_id for ref in contacts)  # Some have two addresses.
        ids = [remote_id for remote_id in people if remote_id.startswith(payloads.CONTACT)]
        if not (ids and self.can.get("shared_activities")):
            return payloads.first_attendee(contacts), len(people) > 1
        named = ids[:MAX_INVITED]
        return {"EventWhoIds": named}, len(people) > len(named)

    def _change(self, remote_id: str, content: Mapping[str, Any]) -> None:
        with not_found_means_deleted():
            self.calls.one("PATCH", f"/sobjects/Event/{remote_id}", content)

    def _person(self, email: str, remote_id: str, action: str) -> Ref:
        return Ref("contact", email, remote_id, action, f"{self.url}/{remote_id}")

    def _meeting(self, meeting: MeetingContent, remote_id: str, action: str) -> Ref:
        cut = payloads.remark_of(meeting)
        page = f"{self.url}/{remote_id}"
        return Ref("meeting", str(meeting.key), remote_id, action, page, remark=cut)
