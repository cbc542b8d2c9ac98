"""HubSpot, by its dated API.

A meeting is found again by a unique property of our own. In an account that cannot have one, which
`check` finds out, it is found through its contacts by the address it carries, and made together
with its links, so that it can be found from the moment it exists.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop

from crmsync.errors import CrmError
from crmsync.providers.base import Account, Known, MeetingContent, OAuth, Person, Ref, Session
from crmsync.providers.http import Answer, CrmClient, error_of, known_record
from crmsync.providers.text import as_html, chunks, fit, split_name

VERSION = "2026-09"
OAUTH_VERSION = "2026-03"  # The later one does not say what its token endpoint answers.
BATCH = 100
KEY = "syncsite_meeting_key"
TITLE_LIMIT = 255
NOTES_LIMIT = 65_536
CONTACT_TYPE, MEETING_TYPE = "0-1", "0-47"
MEETING_TO_CONTACT = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 200}
SCOPES = ("crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.write")

FIELDS = {
    "email": gettext_noop("e-mail address"),
    "firstname": gettext_noop("attendee’s name"),
    "lastname": gettext_noop("attendee’s name"),
    "hs_meeting_title": gettext_noop("title"),
    "hs_meeting_start_time": gettext_noop("start"),
    "hs_timestamp": gettext_noop("start"),
    "hs_meeting_end_time": gettext_noop("end"),
    "hs_meeting_location": gettext_noop("location"),
    "hs_internal_meeting_notes": gettext_noop("notes"),
}
# Category, or `policyName` of a rate limit, to our code; see `explain` for what it leaves open.
CODES = {
    "INVALID_AUTHENTICATION": "connection_expired",
    "EXPIRED_AUTHENTICATION": "connection_expired",
    "MISSING_SCOPES": "permission_missing",
    "OBJECT_NOT_FOUND": "record_deleted",
    "CONFLICT": "record_rejected",
    "RATE_LIMITS": "crm_rate_limited",
    "VALIDATION_ERROR": "record_rejected",
}
OUR_FAULT = re.compile(r"invalid input json|malformed|unable to parse", re.IGNORECASE)
KEY_IS_GONE = re.compile(rf"non-unique|{KEY}", re.IGNORECASE)
REQUIRED = re.compile(r"required", re.IGNORECASE)
NAMED = re.compile(r'"name"\s*:\s*"(\w+)"|propert(?:y|ies)[^\w]{1,4}(\w+)|\b(hs_\w+)')


def oauth() -> OAuth:
    return OAuth(
        authorize_url="https://app.hubspot.com/oauth/authorize",
        token_host=settings.HUBSPOT_API_URL,
        token_path=f"/oauth/{OAUTH_VERSION}/token",
        client_id=settings.HUBSPOT_CLIENT_ID,
        client_secret=settings.HUBSPOT_CLIENT_SECRET,
        scopes=" ".join(SCOPES),
    )


class HubSpot:
    name = "HubSpot"

    def __init__(self, session: Session) -> None:
        credentials = session.credentials
        token = str(credentials.get("access_token") or credentials.get("token", ""))
        self.can = session.capabilities
        self.client = CrmClient(settings.HUBSPOT_API_URL, session, token, explain)

    def check(self) -> Account:
        details = _object(self.client.call("GET", "/account-info/v3/details"))
        portal = _text(details, "portalId")
        for kind in ("contacts", "meetings"):
            self.client.call("GET", f"/crm/objects/{VERSION}/{kind}", params={"limit": 1})
        self._check_writing()
        can = {"unique_key": self._make_key(), "portal": portal}
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
        if self.can.get("unique_key"):
            return self._upsert_by_key(meeting)
        remote_id = known.get(key) or self._find_meeting(meeting, contacts)
        if remote_id:
            self._change(remote_id, _properties(meeting))
            return self._meeting_ref(meeting, remote_id, "updated")
        links = [_link(contact.remote_id) for contact in contacts[:BATCH]]
        body = {"properties": _properties(meeting), "associations": links}
        made = self.client.call("POST", f"/crm/objects/{VERSION}/meetings", json=body)
        return self._meeting_ref(meeting, _text(made, "id"), "created")

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref]
    ) -> Sequence[Ref]:
        path = f"/crm/associations/{VERSION}/meetings/contacts/batch/associate/default"
        for chunk in chunks(contacts, BATCH):
            pairs = [(meeting_ref.remote_id, contact.remote_id) for contact in chunk]
            self._batch(path, [{"from": {"id": m}, "to": {"id": c}} for m, c in pairs])
        notes, remark = fit(meeting.notes, NOTES_LIMIT, as_html)
        self._change(meeting_ref.remote_id, {"hs_internal_meeting_notes": notes})
        if not meeting.notes:
            return []
        written = (meeting_ref.remote_id, "updated", meeting_ref.url)
        return [Ref("note", str(meeting.key), *written, remark=remark)]

    def _check_writing(self) -> None:
        """An empty batch writes nothing, but tells whether we might."""
        path = f"/crm/objects/{VERSION}/contacts/batch/upsert"
        try:
            self.client.call("POST", path, json={"inputs": []})
        except CrmError as error:
            if error.http_status not in (400, 422):
                raise

    def _make_key(self) -> bool:
        """Whether the account has, or can be given, the property that makes a meeting unique."""
        path = f"/crm/properties/{VERSION}/meetings"
        with suppress(CrmError):
            found = self.client.call("GET", f"{path}/{KEY}")
            return _object(found).get("hasUniqueValue") is True
        try:
            groups = _results(self.client.call("GET", f"{path}/groups"))
            self.client.call("POST", path, json=_key_property(str(groups[0].get("name"))))
        except CrmError as error:
            if error.http_status in (400, 403, 409):
                return False
            raise
        except IndexError:
            return False
        return True

    def _find_contacts(self, emails: Sequence[str]) -> dict[str, str]:
        """Ids by our addresses; a contact also answers to its further addresses."""
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
                found |= dict.fromkeys(_addresses(row), _text(row, "id"))
        return {email: found[email] for email in emails if email in found}

    def _make_contacts(self, people: Sequence[Person]) -> Iterator[Ref]:
        path = f"/crm/objects/{VERSION}/contacts/batch/upsert"
        made = {}
        for contact in self._batch(path, [_contact(person) for person in people]):
            for email in {*_addresses(contact), contact.get("objectWriteTraceId")}:
                made[email] = (_text(contact, "id"), _action(contact))
        for person in people:
            if person.email not in made:
                raise CrmError("crm_unavailable", "HubSpot left a contact unanswered.")
            yield self._contact_ref(person.email, *made[person.email])

    def _upsert_by_key(self, meeting: MeetingContent) -> Ref:
        key = str(meeting.key)
        properties = {KEY: key, **_properties(meeting)}
        one = {"id": key, "idProperty": KEY, "objectWriteTraceId": key, "properties": properties}
        results = self._batch(f"/crm/objects/{VERSION}/meetings/batch/upsert", [one])
        if not results:
            raise CrmError("crm_unavailable", "HubSpot left the meeting unanswered.")
        return self._meeting_ref(meeting, _text(results[0], "id"), _action(results[0]))

    def _find_meeting(self, meeting: MeetingContent, contacts: Sequence[Ref]) -> str | None:
        """Not by the search, which may miss for a while what was just made, if it can be helped."""
        if not contacts:
            return self._search_meeting(meeting)
        ids = self._meetings_of(contacts)
        path = f"/crm/objects/{VERSION}/meetings/batch/read"
        asked = {"properties": ["hs_meeting_external_url"], "propertiesWithHistory": []}
        for chunk in chunks(ids, BATCH):
            inputs = [{"id": remote_id} for remote_id in chunk]
            for found in self._batch(path, inputs, missing_is_fine=True, **asked):
                if _is_of(meeting, found):
                    return _text(found, "id")
        return None

    def _meetings_of(self, contacts: Sequence[Ref]) -> list[str]:
        ids: dict[str, None] = {}
        path = f"/crm/associations/{VERSION}/contacts/meetings/batch/read"
        for chunk in chunks(contacts, BATCH):
            inputs = [{"id": contact.remote_id} for contact in chunk]
            for row in self._batch(path, inputs, missing_is_fine=True):
                ids |= dict.fromkeys(str(_object(to).get("toObjectId")) for to in row.get("to", []))
        return list(ids)

    def _search_meeting(self, meeting: MeetingContent) -> str | None:
        same = {"propertyName": "hs_meeting_external_url", "operator": "EQ"}
        query = {
            "filterGroups": [{"filters": [{**same, "value": _address(meeting)}]}],
            "properties": ["hs_meeting_external_url"],
            "sorts": [],
            "limit": 10,
            "after": "0",
        }
        found = self.client.call("POST", f"/crm/objects/{VERSION}/meetings/search", json=query)
        return next((_text(m, "id") for m in _results(found) if _is_of(meeting, m)), None)

    def _change(self, remote_id: str, properties: Mapping[str, str]) -> None:
        path = f"/crm/objects/{VERSION}/meetings/{remote_id}"
        with known_record():
            self.client.call("PATCH", path, json={"properties": properties})

    def _batch(
        self, path: str, inputs: list[dict[str, Any]], missing_is_fine: bool = False, **asked: Any
    ) -> list[dict[str, Any]]:
        """The results. A batch may fail in part under any status code, so each error counts."""
        answer = _object(self.client.call("POST", path, json={"inputs": inputs, **asked}))
        for error in answer.get("errors") or []:
            problem = _object(error)
            if not (missing_is_fine and problem.get("category") == "OBJECT_NOT_FOUND"):
                raise _explain_item(problem, answer)
        if answer.get("status") not in (None, "COMPLETE"):
            raise CrmError("crm_unavailable", f"The batch is {answer['status']}.")
        return _results(answer)

    def _contact_ref(self, email: str, remote_id: str, action: str) -> Ref:
        return Ref("contact", email, remote_id, action, self._page(CONTACT_TYPE, remote_id))

    def _meeting_ref(self, meeting: MeetingContent, remote_id: str, action: str) -> Ref:
        page = self._page(MEETING_TYPE, remote_id)
        remark = fit(meeting.title, TITLE_LIMIT)[1]
        return Ref("meeting", str(meeting.key), remote_id, action, page, remark=remark)

    def _page(self, object_type: str, remote_id: str) -> str:
        if not self.can.get("portal"):
            return ""
        return f"{self.can['pages']}/contacts/{self.can['portal']}/record/{object_type}/{remote_id}"


def explain(answer: Answer) -> CrmError:
    data = answer.data if isinstance(answer.data, dict) else {}
    return error_of(answer, _code(answer.status, data), **_details(answer, data))


def _explain_item(problem: dict[str, Any], answer: dict[str, Any]) -> CrmError:
    """Of one record among many."""
    code = _code(400, problem) or "unexpected_error"
    correlation_id = str(problem.get("correlationId") or answer.get("correlationId") or "")
    message = str(problem.get("message", ""))
    return CrmError(code, message, correlation_id=correlation_id, **_words(problem))


def _code(status: int, data: Mapping[str, Any]) -> str:
    message = str(data.get("message", ""))
    if status == 429:
        is_daily = "DAILY" in str(data.get("policyName")).upper()
        return "crm_daily_quota_used" if is_daily else "crm_rate_limited"
    if status == 477:  # The account moves to another data centre.
        return "crm_unavailable"
    if status in (400, 409, 422) and KEY_IS_GONE.search(message):
        return "permission_missing"  # Connecting again makes the property anew.
    code = CODES.get(str(data.get("category")), "") if status < 500 else ""
    if code == "record_rejected" and OUR_FAULT.search(message):
        return "unexpected_error"
    if code == "record_rejected" and REQUIRED.search(message):
        return "field_missing"
    # Only who asked for a record knows whether it should be there.
    return "" if code == "record_deleted" and status == 404 else code


def _details(answer: Answer, data: Mapping[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = {"correlation_id": str(data.get("correlationId") or "")}
    if answer.status == 429:
        details["retry_after"] = _wait(answer, data)
    return {**details, **_words(data)}


def _words(data: Mapping[str, Any]) -> dict[str, Any]:
    """HubSpot's own words about the person's data, and the field that they are about."""
    if data.get("category") == "MISSING_SCOPES":
        return {"detail": _missing_scopes(data)}
    if data.get("category") not in ("VALIDATION_ERROR", "CONFLICT"):
        return {}
    message = str(data.get("message", ""))
    names = [name for groups in NAMED.findall(message) for name in groups if name]
    field = next((FIELDS[name] for name in names if name in FIELDS), "")
    return {"field": field or (names[0] if names else ""), "detail": message[:500]}


def _missing_scopes(data: Mapping[str, Any]) -> str:
    errors = [_object(error) for error in data.get("errors") or []]
    contexts = [_object(error.get("context")) for error in errors]
    named = [str(scope) for c in contexts for scopes in c.values() for scope in _list(scopes)]
    return ", ".join(dict.fromkeys(named))


def _wait(answer: Answer, data: Mapping[str, Any]) -> float | None:
    """Seconds; HubSpot promises no Retry-After, and its interval is in milliseconds."""
    if "DAILY" in str(data.get("policyName")).upper():
        return None
    with suppress(ValueError):
        asked = float(answer.headers.get("Retry-After", ""))
        if 1 <= asked <= 600:
            return asked
    with suppress(ValueError):
        interval = float(answer.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", ""))
        return min(max(interval / 1000, 1), 600)
    return 10


def _properties(meeting: MeetingContent) -> dict[str, str]:
    start, end = (_moment(at) for at in (meeting.starts_at, meeting.ends_at))
    return {
        "hs_timestamp": start,
        "hs_meeting_title": fit(meeting.title, TITLE_LIMIT)[0],
        "hs_meeting_start_time": start,
        "hs_meeting_end_time": end,
        "hs_meeting_location": meeting.location,
        "hs_meeting_external_url": _address(meeting),
    }


def _moment(at: Any) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _address(meeting: MeetingContent) -> str:
    return f"{settings.PUBLIC_URL}/meetings/{meeting.key}"


def _is_of(meeting: MeetingContent, found: Mapping[str, Any]) -> bool:
    # By its end, for the service may have had another address when it was written.
    url = _object(found.get("properties")).get("hs_meeting_external_url")
    return str(url).endswith(f"/meetings/{meeting.key}")


def _contact(person: Person) -> dict[str, Any]:
    first, last = split_name(person.name, person.email)
    names = {"firstname": first, "lastname": last} if person.name else {}
    return {
        "id": person.email,
        "idProperty": "email",
        "objectWriteTraceId": person.email,
        "properties": {"email": person.email, **names},
    }


def _addresses(contact: Mapping[str, Any]) -> list[str]:
    properties = _object(contact.get("properties"))
    further = str(properties.get("hs_additional_emails") or "").split(";")
    return [email.strip().lower() for email in (str(properties.get("email")), *further) if email]


def _link(contact_id: str) -> dict[str, Any]:
    return {"to": {"id": contact_id}, "types": [MEETING_TO_CONTACT]}


def _key_property(group: str) -> dict[str, Any]:
    return {
        "name": KEY,
        "label": "syncsite meeting key",
        "groupName": group,
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": True,
        "formField": False,
    }


def _action(result: Mapping[str, Any]) -> str:
    return "created" if result.get("new") else "updated"


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _results(answer: Any) -> list[dict[str, Any]]:
    return [_object(result) for result in _list(_object(answer).get("results") or [])]


def _text(answer: Any, name: str) -> str:
    """Raises CrmError where what must be there is not."""
    value = _object(answer).get(name)
    if not isinstance(value, str | int) or not value:
        raise CrmError("unexpected_error", f"HubSpot named no {name}.", outcome_unknown=True)
    return str(value)
