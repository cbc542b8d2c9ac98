"""HubSpot, through its dated API.

A meeting is found again by a unique property of our own. `check` finds out whether the account can
have one. If not, the meeting is found through its contacts by the URL it carries, and it is created
together with its associations, so that it can be found from the start.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django.conf import settings

import crmsync.providers.hubspot_payloads as payloads
import crmsync.providers.hubspot_setup as setup
from crmsync.errors import CrmError
from crmsync.providers.base import (
    PERSONAL_CODES,
    Account,
    Known,
    MeetingContent,
    OAuth,
    Person,
    Ref,
    Session,
    skipped,
)
from crmsync.providers.formatting import as_html, chunks, fit
from crmsync.providers.gone import not_found_means_deleted, unless_gone
from crmsync.providers.http import CrmClient
from crmsync.providers.hubspot_errors import KEY, explain, id_of_existing
from crmsync.providers.hubspot_links import Batches, Links, link
from crmsync.providers.hubspot_payloads import BATCH, FORMS, NOTES, VERSION
from crmsync.providers.options import CREATE_PEOPLE, OWNER_AND_COMPANY, Choices
from crmsync.providers.parsing import as_object, require_id
from crmsync.providers.writing import Writer, contacts_of, not_made, notes_of, of_meeting, removed

OAUTH_VERSION = "2026-03"  # The later version does not document its token endpoint.
CONTACT_TYPE, MEETING_TYPE = "0-1", "0-47"
# Not everybody who sells may grant these.
OPTIONAL_SCOPES = (
    "crm.schemas.contacts.write",
    "crm.objects.owners.read",
    "crm.objects.companies.read",
)


def oauth() -> OAuth:
    return OAuth(
        authorize_url="https://app.hubspot.com/oauth/authorize",
        token_host=settings.HUBSPOT_API_URL,
        token_path=f"/oauth/{OAUTH_VERSION}/token",
        revoke_path=f"/oauth/{OAUTH_VERSION}/token/revoke",
        client_id=settings.HUBSPOT_CLIENT_ID,
        client_secret=settings.HUBSPOT_CLIENT_SECRET,
        scopes=settings.HUBSPOT_SCOPES,
        optional_scopes=" ".join(OPTIONAL_SCOPES),
    )


class HubSpot:
    name = "HubSpot"
    needs: Sequence[str] = ("token",)
    address = ""
    token = "token"  # noqa: S105
    choices: Choices = {**CREATE_PEOPLE, **OWNER_AND_COMPANY}

    def __init__(self, session: Session) -> None:
        credentials = session.credentials
        token = str(credentials.get("access_token") or credentials.get("token", ""))
        self.session = session
        self.writer = Writer(session, FORMS)
        self.can = session.capabilities
        self.client = CrmClient(settings.HUBSPOT_API_URL, session, token, explain)
        self.host = self.client.host
        self.batches = Batches(self.client)
        self.links = Links(self.batches, session)

    def check(self) -> Account:
        details = as_object(self.client.call("GET", "/account-info/v3/details"))
        portal = require_id(details, "portalId")
        for kind in ("contacts", "meetings"):
            self.client.call("GET", f"/crm/objects/{VERSION}/{kind}", params={"limit": 1})
        setup.check_writing(self.client)
        can = setup.abilities(self.client, self.session.options, self.session.owner)
        domain = str(details.get("uiDomain") or "app.hubspot.com")
        shown = {"portal": portal, "pages": f"https://{domain}"}
        degraded = [name for name, able in can.items() if not able]
        return Account(portal, f"HubSpot {portal}", {**can, **shown}, degraded)

    def upsert_contacts(self, people: Sequence[Person], known: Known) -> Sequence[Ref]:
        ids = self._find_contacts([person.email for person in people])
        refs = [self._contact_ref(email, contact, "unchanged") for email, contact in ids.items()]
        missing = [person for person in people if person.email not in ids]
        if self.session.options.get("create_people") == "nobody":
            return [*refs, *map(not_made, missing)]
        for chunk in chunks(missing, BATCH):
            refs += self._make_contacts(chunk)
        return refs

    def upsert_meeting(
        self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        old = known.get(("meeting", str(meeting.key)))
        found = self._find_meeting(meeting, old, contacts)
        if old and old.remote_id and found is None:
            raise CrmError("record_deleted", "HubSpot does not have the meeting any more.")
        new = self._meeting_ref(meeting, found)
        if found is None:
            return self._make_meeting(meeting, new, old, contacts)
        theirs, send = payloads.properties_of(found), partial(self._patch, new.remote_id)
        return [self.writer.change(new, old, self._properties(meeting), theirs, send)]

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        meeting_id = meeting_ref.remote_id
        links = self.links.settle_people(meeting_id, meeting, contacts, known)
        if self.can.get("companies") and self.session.options.get("company") == "by_contact":
            links += self.links.settle_companies(meeting_id, meeting, contacts, known)
        return [*self._write_notes(meeting_ref, meeting, known), *links]

    def remove(self, meeting: MeetingContent, known: Known) -> Sequence[Ref]:
        contacts = contacts_of(known)
        found = self._find_meeting(meeting, known.get(("meeting", str(meeting.key))), contacts)
        if found is not None:
            with unless_gone():
                remote_id = require_id(found, "id")
                self.client.call("DELETE", f"/crm/objects/{VERSION}/meetings/{remote_id}")
        return removed(of_meeting(known))

    def _write_notes(self, meeting_ref: Ref, meeting: MeetingContent, known: Known) -> list[Ref]:
        key, meeting_id = str(meeting.key), meeting_ref.remote_id
        old = known.get(("note", key))
        notes, remark = fit(meeting.notes, payloads.NOTES_LIMIT, as_html)
        found = self.batches.read("meetings", [meeting_id], [NOTES])
        if not found:
            raise CrmError("record_deleted", "HubSpot does not have the meeting any more.")
        new = Ref("note", key, meeting_id, "", meeting_ref.url, remark=remark)
        theirs, send = payloads.properties_of(found[0]), partial(self._patch, meeting_id)
        written = self.writer.change(new, old, {NOTES: notes}, theirs, send)
        return notes_of(meeting, written, old)

    def _find_contacts(self, emails: Sequence[str]) -> dict[str, str]:
        """Ids by address; a contact's additional addresses count, too."""
        names = ["email", "hs_additional_emails"]
        found: dict[str, str] = {}
        for row in self.batches.read("contacts", emails, names, idProperty="email"):
            found |= dict.fromkeys(payloads.emails_of(row), require_id(row, "id"))
        return {email: found[email] for email in emails if email in found}

    def _make_contacts(self, people: Sequence[Person]) -> Iterator[Ref]:
        """One whom HubSpot does not accept makes it refuse all of a batch."""
        try:
            yield from self._upsert_contacts(people)
        except CrmError as error:
            if error.code not in PERSONAL_CODES:
                raise
            if len(people) == 1:
                yield self._existing_or_skipped(people[0], error)
                return
            for person in people:
                yield from self._make_contacts([person])

    def _existing_or_skipped(self, person: Person, error: CrmError) -> Ref:
        existing = id_of_existing(error)  # Merged, or made just now.
        if existing is None:
            return skipped(person, error)
        return self._contact_ref(person.email, existing, "unchanged")

    def _upsert_contacts(self, people: Sequence[Person]) -> list[Ref]:
        path = f"/crm/objects/{VERSION}/contacts/batch/upsert"
        made = {}
        inputs = [payloads.contact_input(person) for person in people]
        for contact in self.batches.results(path, inputs):
            for email in {*payloads.emails_of(contact), contact.get("objectWriteTraceId")}:
                made[email] = (require_id(contact, "id"), payloads.action_of(contact))
        if not made.keys() >= {person.email for person in people}:
            raise CrmError("crm_unavailable", "HubSpot left a contact unanswered.")
        return [self._contact_ref(person.email, *made[person.email]) for person in people]

    def _find_meeting(
        self, meeting: MeetingContent, known: Ref | None, contacts: Sequence[Ref]
    ) -> dict[str, Any] | None:
        """A known id wins over the key: the record may be older than the key property."""
        names = payloads.names_of_meeting(with_key=bool(self.can.get("unique_key")))
        if known and known.remote_id:
            found = self.batches.read("meetings", [known.remote_id], names)
        elif self.can.get("unique_key"):
            found = self.batches.read("meetings", [str(meeting.key)], names, idProperty=KEY)
        else:
            ids = self.links.linked_to(
                "contacts/meetings", [contact.remote_id for contact in contacts]
            )
            rows = self.batches.read("meetings", ids, names)
            found = payloads.of_meeting(meeting, rows) or self._search_meeting(meeting, names)
        return found[0] if found else None

    def _search_meeting(
        self, meeting: MeetingContent, names: Sequence[str]
    ) -> list[dict[str, Any]]:
        """The last resort, since it lags behind: the meeting may have had other attendees then."""
        query = payloads.search_for(meeting, names)
        found = self.client.call("POST", f"/crm/objects/{VERSION}/meetings/search", json=query)
        return payloads.of_meeting(meeting, payloads.results_of(found))

    def _make_meeting(
        self, meeting: MeetingContent, new: Ref, known: Ref | None, contacts: Sequence[Ref]
    ) -> Sequence[Ref]:
        ours = self._properties(meeting)
        made = self.writer.create(new, known, ours)
        if self.can.get("unique_key"):
            found = self._upsert_by_key(str(meeting.key), ours)
            return [self._placed(made, found, payloads.action_of(found))]
        linked = list({contact.remote_id: contact for contact in contacts}.values())[:BATCH]
        links = [link(meeting, one.local_key, one.remote_id) for one in linked]
        self.session.intend(*links)
        associations = [payloads.association(contact.remote_id) for contact in linked]
        body = {"properties": ours, "associations": associations}
        with not_found_means_deleted():
            found = self.client.call("POST", f"/crm/objects/{VERSION}/meetings", json=body)
        return [self._placed(made, found, "created"), *links]

    def _upsert_by_key(self, key: str, ours: Mapping[str, str]) -> dict[str, Any]:
        one = {"id": key, "idProperty": KEY, "objectWriteTraceId": key, "properties": ours}
        results = self.batches.results(f"/crm/objects/{VERSION}/meetings/batch/upsert", [one])
        if not results:
            raise CrmError("crm_unavailable", "HubSpot left the meeting unanswered.")
        return results[0]

    def _properties(self, meeting: MeetingContent) -> dict[str, str]:
        owner = self.can.get("owner") if self.session.options.get("owner") == "by_email" else None
        return {
            **payloads.meeting_properties(meeting),
            **({KEY: str(meeting.key)} if self.can.get("unique_key") else {}),
            **({payloads.OWNER: str(owner)} if owner else {}),
        }

    def _patch(self, remote_id: str, properties: Mapping[str, str]) -> Mapping[str, Any]:
        path = f"/crm/objects/{VERSION}/meetings/{remote_id}"
        with not_found_means_deleted():
            changed = self.client.call("PATCH", path, json={"properties": properties})
        return payloads.properties_of(changed)

    def _contact_ref(self, email: str, remote_id: str, action: str) -> Ref:
        return Ref("contact", email, remote_id, action, self._page(CONTACT_TYPE, remote_id))

    def _meeting_ref(self, meeting: MeetingContent, found: Any) -> Ref:
        """Without an id if it is yet to be made."""
        remark = fit(meeting.title, payloads.TITLE_LIMIT)[1]
        ref = Ref("meeting", str(meeting.key), "", "", remark=remark)
        return self._placed(ref, found, "") if found else ref

    def _placed(self, ref: Ref, found: Any, action: str) -> Ref:
        remote_id = require_id(found, "id")
        page = self._page(MEETING_TYPE, remote_id)
        return replace(ref, remote_id=remote_id, action=action, url=page)

    def _page(self, object_type: str, remote_id: str) -> str:
        if not self.can.get("portal"):
            return ""
        return f"{self.can['pages']}/contacts/{self.can['portal']}/record/{object_type}/{remote_id}"
