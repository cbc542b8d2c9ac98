"""Salesforce's request and response bodies."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from crmsync.errors import CrmError
from crmsync.providers.base import MeetingContent, Person, Ref
from crmsync.providers.formatting import fit, last_name_for, split_name
from crmsync.providers.http import MAX_QUOTED, Answer
from crmsync.providers.parsing import as_object, as_objects, require_id
from crmsync.providers.salesforce_errors import explain

DATA = "/services/data/v62.0"
TITLE_LIMIT, PLACE_LIMIT = 255, 255
CONTACT, LEAD = "003", "00Q"  # Ids begin with a prefix for their type.
PEOPLE = {CONTACT: "Contact", LEAD: "Lead"}


def part_answer(part: Mapping[str, Any], whole: Answer) -> Answer:
    status, body = part.get("httpStatusCode"), part.get("body")
    if type(status) is not int or not 100 <= status <= 599:
        raise CrmError("unexpected_error", "Salesforce answered without a status.")
    return Answer(status, body, json.dumps(body)[:MAX_QUOTED], whole.headers)


def body_of(part: Answer) -> Any:
    if not 200 <= part.status < 300:
        raise explain(part)
    return part.data


def event_fields(meeting: MeetingContent) -> dict[str, Any]:
    return {
        "Subject": fit(meeting.title, TITLE_LIMIT)[0],
        "StartDateTime": format_time(meeting.starts_at),
        "EndDateTime": format_time(meeting.ends_at),
        "Location": fit(meeting.location, PLACE_LIMIT)[0],
    }


def remark_of(meeting: MeetingContent) -> str:
    """A remark if the title or the location has to be shortened."""
    return fit(meeting.title, TITLE_LIMIT)[1] or fit(meeting.location, PLACE_LIMIT)[1]


def contact_upsert(person: Person) -> dict[str, Any]:
    return subrequest("PATCH", by_email(person.email), contact_fields(person))


def contact_fields(person: Person) -> dict[str, str]:
    first, last = split_name(person.name)
    names = {"FirstName": first[:40]} if first else {}
    return {**names, "LastName": (last or last_name_for(person.email))[:80]}


def first_attendee(contacts: Sequence[Ref]) -> dict[str, str]:
    """The one person that every event can name: a contact if possible."""
    ids = [contact.remote_id for contact in contacts]
    best = next((i for i in ids if i.startswith(CONTACT)), None) or next(iter(ids), None)
    return {"WhoId": best} if best else {}


def format_time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def query_request(soql: str) -> dict[str, Any]:
    return {"method": "GET", "url": f"{DATA}/query?q={quote(soql)}"}


def subrequest(method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"method": method, "url": f"{DATA}{path}", "body": body}


def by_email(email: str) -> str:
    return f"/sobjects/Contact/Email/{quote(email, safe='')}"


def has_account(record: Mapping[str, Any]) -> bool:
    return bool(record.get("AccountId"))


def records_of(answer: Any) -> list[dict[str, Any]]:
    records = as_object(answer).get("records")
    if not isinstance(records, list):
        raise CrmError("unexpected_error", "Salesforce sent no records.")
    return as_objects(records)


def id_of(record: Mapping[str, Any]) -> str:
    return require_id(record, "id" if "id" in record else "Id")
