"""HubSpot, through its dated API.

A meeting is found again by a unique property of our own. `check` finds out whether the account can
have one. If not, the meeting is found through its contacts by the URL it carries, and it is created
together with its associations, so that it can be found from the start.
"""

from collections.abc import Iterator, Mapping, Sequence
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
from crmsync.providers.http import CrmClient, not_found_means_deleted
from crmsync.providers.hubspot_errors import KEY, explain, explain_item, id_of_existing
from crmsync.providers.hubspot_payloads import VERSION
from crmsync.providers.parsing import as_object, as_objects, require_id

OAUTH_VERSION = "2026-03"  # The later version does not document its token endpoint.
BATCH = 100
MAX_PAGES = 20
CONTACT_TYPE, MEETING_TYPE = "0-1", "0-47"
SCOPES = ("crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.write")


def oauth() -> OAuth:
    return OAuth(
        authorize_url="https://app.hubspot.com/oauth/authorize",
        token_host=settings.HUBSPOT_API_URL,
        token_path=f"/oauth/{OAUTH_VERSION}/token",
        revoke_path=f"/oauth/{OAUTH_VERSION}/token/revoke",
        client_id=settings.HUBSPOT_CLIENT_ID,
        client_secret=settings.HUBSPOT_CLIENT_SECRET,
        scopes=" ".join(SCOPES),
    )


class HubSpot:
    name = "HubSpot"
    needs: Sequence[str] = ("token",)
    address = ""
    token = "token"  # noqa: S105

    def __init__(self, session: Session) -> None:
        credentials = session.credentials
        token = str(credentials.get("access_token") or credentials.get("token", ""))
        self.can = session.capabilities
        self.client = CrmClient(settings.HUBSPOT_API_URL, session, token, explain)
        self.host = self.client.host

    def check(self) -> Account:
        details = as_object(self.client.call("GET", "/account-info/v3/details"))
        portal = require_id(details, "portalId")
        for kind in ("contacts", "meetings"):
            self.client.call("GET", f"/crm/objects/{VERSION}/{kind}", params={"limit": 1})
        setup.check_writing(self.client)
        can = {"unique_key": setup.make_key(self.client), "portal": portal}
        domain = str(details.get("uiDomain") or "app.hubspot.com")
        return Account(portal, f"HubSpot {portal}", {**can, "pages": f"https://{domain}"})

    def upsert_contacts(self, people: Sequence[Person], known: Known) -> Sequence[Ref]:
        ids = self._find_contacts([person.email for person in people])
        refs = [self._contact_ref(email, contact, "unchanged") for email, contact in ids.items()]
        for chunk in chunks([person for person in people if person.email not in ids], BATCH):
            refs += self._make_contacts(chunk)
        return refs

    def upsert_meeting(self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known) -> Ref:
        key = str(meeting.key)
        has_key = self.can.get("unique_key")
        # A known id wins over the key: the record may be older than the key property.
        remote_id = known.get(key)
        if remote_id is None and has_key:
            return self._upsert_by_key(meeting)
        remote_id = remote_id or self._find_meeting(meeting, contacts)
        if remote_id:
            own_key = {KEY: key} if has_key else {}
            self._change(remote_id, {**payloads.meeting_properties(meeting), **own_key})
            return self._meeting_ref(meeting, remote_id, "updated")
        people = list(dict.fromkeys(contact.remote_id for contact in contacts))
        links = [payloads.association(remote_id) for remote_id in people[:BATCH]]
        body = {"properties": payloads.meeting_properties(meeting), "associations": links}
        with not_found_means_deleted():
            made = self.client.call("POST", f"/crm/objects/{VERSION}/meetings", json=body)
        return self._meeting_ref(meeting, require_id(made, "id"), "created")

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref]
    ) -> Sequence[Ref]:
        path = f"/crm/associations/{VERSION}/meetings/contacts/batch/associate/default"
        people = dict.fromkeys(
            contact.remote_id for contact in contacts
        )  # Some have two addresses.
        for chunk in chunks(people, BATCH):
            pairs = [{"from": {"id": meeting_ref.remote_id}, "to": {"id": one}} for one in chunk]
            with not_found_means_deleted():
                linked = {payloads.linked_id_of(row) for row in self._batch(path, pairs)}
            if not linked >= set(chunk):
                raise CrmError("crm_unavailable", "HubSpot did not say that all are linked.")
        notes, remark = fit(meeting.notes, payloads.NOTES_LIMIT, as_html)
        self._change(meeting_ref.remote_id, {"hs_internal_meeting_notes": notes})
        if not meeting.notes:
            return []
        written = (meeting_ref.remote_id, "updated", meeting_ref.url)
        return [Ref("note", str(meeting.key), *written, remark=remark)]

    def _find_contacts(self, emails: Sequence[str]) -> dict[str, str]:
        """Ids by address; a contact's additional addresses count, too."""
        path = f"/crm/objects/{VERSION}/contacts/batch/read"
        found: dict[str, str] = {}
        for chunk in chunks(emails, BATCH):
            asked = {
                "idProperty": "email",
                "properties": ["email", "hs_additional_emails"],
                "propertiesWithHistory": [],
            }
            inputs = [{"id": email} for email in chunk]
            for row in self._batch(path, inputs, missing_is_fine=True, **asked):
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
        for contact in self._batch(path, [payloads.contact_input(person) for person in people]):
            for email in {*payloads.emails_of(contact), contact.get("objectWriteTraceId")}:
                made[email] = (require_id(contact, "id"), payloads.action_of(contact))
        if not made.keys() >= {person.email for person in people}:
            raise CrmError("crm_unavailable", "HubSpot left a contact unanswered.")
        return [self._contact_ref(person.email, *made[person.email]) for person in people]

    def _upsert_by_key(self, meeting: MeetingContent) -> Ref:
        key = str(meeting.key)
        properties = {KEY: key, **payloads.meeting_properties(meeting)}
        one = {"id": key, "idProperty": KEY, "objectWriteTraceId": key, "properties": properties}
        results = self._batch(f"/crm/objects/{VERSION}/meetings/batch/upsert", [one])
        if not results:
            raise CrmError("crm_unavailable", "HubSpot left the meeting unanswered.")
        remote_id, action = require_id(results[0], "id"), payloads.action_of(results[0])
        return self._meeting_ref(meeting, remote_id, action)

    def _find_meeting(self, meeting: MeetingContent, contacts: Sequence[Ref]) -> str | None:
        """Uses the search only as a last resort: it lags behind recent changes."""
        ids = self._meetings_of(contacts)
        path = f"/crm/objects/{VERSION}/meetings/batch/read"
        asked = {"properties": ["hs_meeting_external_url"], "propertiesWithHistory": []}
        for chunk in chunks(ids, BATCH):
            inputs = [{"id": remote_id} for remote_id in chunk]
            for found in self._batch(path, inputs, missing_is_fine=True, **asked):
                if payloads.is_of_meeting(meeting, found):
                    return require_id(found, "id")
        return self._search_meeting(meeting)  # The meeting may have had other attendees then.

    def _meetings_of(self, contacts: Sequence[Ref]) -> list[str]:
        ids: dict[str, None] = {}
        path = f"/crm/associations/{VERSION}/contacts/meetings/batch/read"
        for chunk in chunks(contacts, BATCH):
            asked = [{"id": contact.remote_id} for contact in chunk]
            for _ in range(MAX_PAGES):
                rows = self._batch(path, asked, missing_is_fine=True) if asked else []
                linked = [to for row in rows for to in as_objects(row.get("to"))]
                ids |= dict.fromkeys(str(to.get("toObjectId")) for to in linked)
                asked = [rest for rest in map(payloads.next_page_of, rows) if rest]
        return list(ids)

    def _search_meeting(self, meeting: MeetingContent) -> str | None:
        url = {"propertyName": "hs_meeting_external_url", "operator": "EQ"}
        query = {
            "filterGroups": [{"filters": [{**url, "value": payloads.meeting_url(meeting)}]}],
            "properties": ["hs_meeting_external_url"],
            "sorts": [],
            "limit": 10,
            "after": "0",
        }
        found = self.client.call("POST", f"/crm/objects/{VERSION}/meetings/search", json=query)
        same = (row for row in payloads.results_of(found) if payloads.is_of_meeting(meeting, row))
        return next((require_id(row, "id") for row in same), None)

    def _change(self, remote_id: str, properties: Mapping[str, str]) -> None:
        path = f"/crm/objects/{VERSION}/meetings/{remote_id}"
        with not_found_means_deleted():
            self.client.call("PATCH", path, json={"properties": properties})

    def _batch(
        self, path: str, inputs: list[dict[str, Any]], missing_is_fine: bool = False, **asked: Any
    ) -> list[dict[str, Any]]:
        """The results. A batch may fail in part with any status code, so each error counts."""
        answer = self.client.ask("POST", path, json={"inputs": inputs, **asked})
        batch = as_object(answer.data)
        for problem in as_objects(batch.get("errors")):
            if not (missing_is_fine and problem.get("category") == "OBJECT_NOT_FOUND"):
                raise explain_item(problem, answer)
        if batch.get("status") not in (None, "COMPLETE"):
            raise CrmError("crm_unavailable", f"The batch is {batch['status']}.")
        return payloads.results_of(batch)

    def _contact_ref(self, email: str, remote_id: str, action: str) -> Ref:
        return Ref("contact", email, remote_id, action, self._page(CONTACT_TYPE, remote_id))

    def _meeting_ref(self, meeting: MeetingContent, remote_id: str, action: str) -> Ref:
        page = self._page(MEETING_TYPE, remote_id)
        remark = fit(meeting.title, payloads.TITLE_LIMIT)[1]
        return Ref("meeting", str(meeting.key), remote_id, action, page, remark=remark)

    def _page(self, object_type: str, remote_id: str) -> str:
        if not self.can.get("portal"):
            return ""
        return f"{self.can['pages']}/contacts/{self.can['portal']}/record/{object_type}/{remote_id}"
