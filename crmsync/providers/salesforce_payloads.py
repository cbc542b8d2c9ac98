"""Salesforce's request and response bodies."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from crmsync.errors import CrmError
from crmsync.providers.base import MeetingContent, Person
from crmsync.providers.formatting import (
    MARK_LENGTH,
    MAX_PREFIX,
    PREFIX,
    fit,
    last_name_for,
    split_name,
    split_prefix,
    titled,
    with_prefix,
)
from crmsync.providers.http import MAX_QUOTED, Answer
from crmsync.providers.merging import Form, instant, one_line
from crmsync.providers.parsing import as_object, as_objects, require_id
from crmsync.providers.salesforce_errors import explain

DATA = "/services/data/v62.0"
TITLE_LIMIT, PLACE_LIMIT, NOTES_LIMIT = 255 - MAX_PREFIX, 255, 32_000
CONTACT, LEAD = "003", "00Q"  # Ids begin with a prefix for their type.
PEOPLE = {CONTACT: "Contact", LEAD: "Lead"}
EVENT_FIELDS = ["Subject", "StartDateTime", "EndDateTime", "Location", "ShowAs", "OwnerId"]
FORMS = {
    "StartDateTime": Form(instant, group="time"),
    "EndDateTime": Form(instant, group="time"),
    "Description": Form(one_line, "\n", NOTES_LIMIT - MARK_LENGTH),
    **dict.fromkeys(["ShowAs", "OwnerId", "WhatId"], Form(quiet=True)),
}


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
    prefix, title = titled(meeting)
    return {
        "Subject": fit(title, TITLE_LIMIT)[0],
        PREFIX: prefix,
        "StartDateTime": format_time(meeting.starts_at),
        "EndDateTime": format_time(meeting.ends_at),
        "Location": fit(meeting.location, PLACE_LIMIT)[0],
        "ShowAs": "Free" if meeting.status == "canceled" else "Busy",
    }


def as_read(event: Mapping[str, Any]) -> dict[str, Any]:
    """With the prefix of the subject beside it."""
    prefix, title = split_prefix(event.get("Subject"))
    return {**event, "Subject": title, PREFIX: prefix}


def as_sent(changes: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """`event`: as_read() before."""
    sent = dict(changes)
    if "Subject" in sent or PREFIX in sent:
        both = {**event, **sent}
        sent["Subject"] = with_prefix(both[PREFIX], both["Subject"])
    sent.pop(PREFIX, None)
    return sent


def remark_of(meeting: MeetingContent) -> str:
    """A remark if the title or the location has to be shortened."""
    return fit(meeting.title, TITLE_LIMIT)[1] or fit(meeting.location, PLACE_LIMIT)[1]


def upsert_person(kind: str, person: Person) -> dict[str, Any]:
    path = f"/sobjects/{kind}/Email/{quote(person.email, safe='')}"
    return subrequest("PATCH", path, person_fields(kind, person))


def person_fields(kind: str, person: Person) -> dict[str, str]:
    first, last = split_name(person.name)
    names = {"FirstName": first[:40]} if first else {}
    company = {"Company": person.email.partition("@")[2]} if kind == "Lead" else {}
    return {**names, "LastName": (last or last_name_for(person.email))[:80], **company}


def format_time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def listed(values: Sequence[str]) -> str:
    return ", ".join(map(quoted, values))


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def query_request(soql: str) -> dict[str, Any]:
    return {"method": "GET", "url": f"{DATA}/query?q={quote(soql)}"}


def subrequest(method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
    request = {"method": method, "url": f"{DATA}{path}"}
    return request if body is None else {**request, "body": body}


def has_account(record: Mapping[str, Any]) -> bool:
    return bool(record.get("AccountId"))


def records_of(answer: Any) -> list[dict[str, Any]]:
    records = as_object(answer).get("records")
    if not isinstance(records, list):
        raise CrmError("unexpected_error", "Salesforce sent no records.")
    return as_objects(records)


def id_of(record: Mapping[str, Any]) -> str:
    return require_id(record, "id" if "id" in record else "Id")
