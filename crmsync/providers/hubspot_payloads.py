"""HubSpot's request and response bodies."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from crmsync.providers.base import MeetingContent, Person
from crmsync.providers.formatting import fit, split_name
from crmsync.providers.hubspot_errors import KEY
from crmsync.providers.merging import Form, instant, text_of_html
from crmsync.providers.parsing import as_object, as_objects, require_id

VERSION = "2026-09"
BATCH = 100
TITLE_LIMIT = 255
NOTES_LIMIT = 65_536
NOTES, OWNER, COMPANY = "hs_internal_meeting_notes", "hubspot_owner_id", "associatedcompanyid"
URL = "hs_meeting_external_url"
TIME = Form(instant, group="time")
FORMS = {
    "hs_timestamp": TIME,
    "hs_meeting_start_time": TIME,
    "hs_meeting_end_time": TIME,
    NOTES: Form(text_of_html, "<br>", NOTES_LIMIT),
    OWNER: Form(quiet=True),
    "hs_meeting_outcome": Form(default="SCHEDULED"),
    URL: Form(quiet=True),
    KEY: Form(quiet=True),
}
OUTCOMES = {
    "scheduled": "SCHEDULED",
    "completed": "COMPLETED",
    "no_show": "NO_SHOW",
    "canceled": "CANCELED",
}
MEETING_TO_CONTACT = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 200}


def meeting_properties(meeting: MeetingContent) -> dict[str, str]:
    start, end = (format_time(at) for at in (meeting.starts_at, meeting.ends_at))
    return {
        "hs_timestamp": start,
        "hs_meeting_title": fit(meeting.title, TITLE_LIMIT)[0],
        "hs_meeting_start_time": start,
        "hs_meeting_end_time": end,
        "hs_meeting_location": meeting.location,
        "hs_meeting_outcome": OUTCOMES[meeting.status],
        URL: meeting_url(meeting),
    }


def names_of_meeting(with_key: bool) -> list[str]:
    """What merging needs to know of a meeting."""
    return [*MEETING_NAMES, *([KEY] if with_key else [])]


MEETING_NAMES = [
    "hs_timestamp",
    "hs_meeting_title",
    "hs_meeting_start_time",
    "hs_meeting_end_time",
    "hs_meeting_location",
    "hs_meeting_outcome",
    URL,
    OWNER,
]


def format_time(at: Any) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def meeting_url(meeting: MeetingContent) -> str:
    return f"{settings.PUBLIC_URL}/meetings/{meeting.key}"


def next_page_of(row: Mapping[str, Any]) -> dict[str, str]:
    """The input that asks for a contact's remaining associations; empty if there are none."""
    after = as_object(as_object(row.get("paging")).get("next")).get("after")
    return {"id": require_id(row.get("from")), "after": str(after)} if after else {}


def of_meeting(meeting: MeetingContent, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    # By the end of the URL: the service's address may have changed since.
    ending = f"/meetings/{meeting.key}"
    return [row for row in rows if str(properties_of(row).get(URL)).endswith(ending)]


def search_for(meeting: MeetingContent, names: Sequence[str]) -> dict[str, Any]:
    url = {"propertyName": URL, "operator": "EQ", "value": meeting_url(meeting)}
    return {
        "filterGroups": [{"filters": [url]}],
        "properties": [*names],
        "sorts": [],
        "limit": 10,
        "after": "0",
    }


def properties_of(found: Any) -> dict[str, Any]:
    return as_object(as_object(found).get("properties"))


def company_of(contact: Any) -> str:
    """The id of the contact's primary company; empty if it has none."""
    return str(properties_of(contact).get(COMPANY) or "")


def contact_input(person: Person) -> dict[str, Any]:
    first, last = split_name(person.name)
    names = {"firstname": first, "lastname": last} if last else {}
    return {
        "id": person.email,
        "idProperty": "email",
        "objectWriteTraceId": person.email,
        "properties": {"email": person.email, **names},
    }


def emails_of(contact: Mapping[str, Any]) -> list[str]:
    properties = properties_of(contact)
    further = str(properties.get("hs_additional_emails") or "").split(";")
    return [email.strip().lower() for email in (str(properties.get("email")), *further) if email]


def linked_id_of(row: Mapping[str, Any]) -> str:
    return str(as_object(row.get("to")).get("id"))


def association(contact_id: str) -> dict[str, Any]:
    return {"to": {"id": contact_id}, "types": [MEETING_TO_CONTACT]}


def key_property(group: str) -> dict[str, Any]:
    return {
        "name": KEY,
        "label": "syncsite meeting key",
        "groupName": group,
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": True,
        "formField": False,
    }


def action_of(result: Mapping[str, Any]) -> str:
    return "created" if result.get("new") else "updated"


def results_of(answer: Any) -> list[dict[str, Any]]:
    return as_objects(as_object(answer).get("results"))
