"""As much of Salesforce as a sync touches, in memory."""

import re
from itertools import count
from urllib.parse import parse_qs, unquote, urlsplit

from crmsync.tests.stand_ins.granting_tokens import GrantingTokens
from crmsync.tests.stand_ins.server import Refused, StandIn, route

DATA = r"/services/data/v62\.0"
KEY = "Syncsite_Key__c"
QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")


class SalesforceStandIn(GrantingTokens, StandIn):
    token_path = "/services/oauth2/token"
    revoke_path = "/services/oauth2/revoke"
    head = ("Sforce-Limit-Info: api-usage=18/5000",)
    no_entry = (401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}])

    def __init__(self, unique_key=True, shared_activities=True):
        super().__init__()
        self.ids = count(1)
        self.sees_leads = True
        self.key_is_external_id = True
        self.records = {"Contact": {}, "Lead": {}, "Event": {}}
        self.fields = {"Id", "Subject", "StartDateTime", "EndDateTime", "Location"}
        self.fields |= {"Description", "WhoId", "WhatId", "OwnerId", "ShowAs"}
        self.users = {}  # By address.
        self.fields |= {KEY} if unique_key else set()
        self.fields |= {"EventWhoIds"} if shared_activities else set()

    def granted_with(self):
        return {"instance_url": self.url}

    @route("GET", rf"{DATA}/sobjects/Event/describe")
    def describe(self, **_):
        fields = [
            {
                "name": name,
                "externalId": name == KEY and self.key_is_external_id,
                "updateable": True,
            }
            for name in sorted(self.fields)
        ]
        return 200, {"createable": True, "updateable": True, "fields": fields}

    @route("POST", rf"{DATA}/composite")
    def composite(self, body, **_):
        requests = body["compositeRequest"]
        if len(requests) > 25 or sum(r["method"] == "GET" for r in requests) > 5:
            raise refusal(400, "LIMIT_EXCEEDED", "Too many subrequests.")
        return 200, {"compositeResponse": [self.subrequest(request) for request in requests]}

    def subrequest(self, request):
        url = urlsplit(request["url"])
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        try:
            status, body = self.answer(request["method"], url.path, query, request.get("body"))
        except Refused as refused:
            status, body = refused.answer
        return {"httpStatusCode": status, "body": body, "referenceId": request["referenceId"]}

    @route("GET", rf"{DATA}/query")
    def query(self, query, **_):
        soql = query["q"]
        kind = re.search(r"FROM (\w+)", soql)[1]
        if kind == "Organization":
            return found([{"Id": "00D000000000001", "Name": "Acme"}])
        values = [re.sub(r"\\(.)", r"\1", value).lower() for value in QUOTED.findall(soql)]
        if kind == "Event":
            return found(self.events_of(soql, values))
        if kind == "EventWhoRelation":
            if "EventWhoIds" not in self.fields:
                raise refusal(400, "INVALID_TYPE", "sObject type is not supported.")
            event = self.records["Event"].get(QUOTED.findall(soql)[0], {})
            return found([{"RelationId": one} for one in self.guests_of(event)])
        if kind == "User":
            return found([{"Id": i} for email, i in self.users.items() if email in values])
        if kind == "Lead" and not self.sees_leads:
            raise refusal(400, "INVALID_TYPE", "sObject type 'Lead' is not supported.")
        rows = self.records[kind].values()
        return found([r for r in rows if {r["Email"].lower(), r["Id"].lower()} & {*values}])

    def events_of(self, soql, values):
        rows = self.records["Event"].values()
        moment = re.search(r"StartDateTime = ([^ ]+)", soql)
        if moment:
            return [r for r in rows if r["StartDateTime"] == moment[1] or is_with(r, values)]
        name = re.search(r"WHERE (\w+) =", soql)[1]
        return [row for row in rows if str(row.get(name)).lower() in values]

    @staticmethod
    def guests_of(event):
        return event.get("EventWhoIds") or [i for i in [event.get("WhoId")] if i]

    @route("PATCH", rf"{DATA}/sobjects/(?P<kind>Contact|Lead)/Email/(?P<email>.+)")
    def upsert_person(self, kind, email, body, **_):
        email = unquote(email)
        if "@" not in email:
            raise refusal(400, "INVALID_EMAIL_ADDRESS", f"invalid email address: {email}", "Email")
        same = [c for c in self.records[kind].values() if c["Email"].lower() == email.lower()]
        if len(same) > 1:
            return 300, [f"/services/data/v62.0/sobjects/{kind}/{c['Id']}" for c in same]
        if not body.get("LastName"):
            raise refusal(400, "REQUIRED_FIELD_MISSING", "Required: [LastName]", "LastName")
        if kind == "Lead" and not body.get("Company"):
            raise refusal(400, "REQUIRED_FIELD_MISSING", "Required: [Company]", "Company")
        return self.put(kind, same[0] if same else None, {"Email": email, **body})

    @route("POST", rf"{DATA}/sobjects/Contact")
    def create_contact(self, body, **_):
        return without_created(*self.put("Contact", None, body))

    @route("PATCH", rf"{DATA}/sobjects/Event/{KEY}/(?P<key>[\w-]+)")
    def upsert_event(self, key, body, **_):
        if KEY not in self.fields:
            message = "Provided external ID field does not exist or is not accessible"
            raise refusal(404, "NOT_FOUND", message)
        self.check_event(body)
        same = [e for e in self.records["Event"].values() if e.get(KEY) == key]
        return self.put("Event", same[0] if same else None, {KEY: key, **body})

    @route("POST", rf"{DATA}/sobjects/Event")
    def create_event(self, body, **_):
        self.check_event(body)
        return without_created(*self.put("Event", None, body))

    @route("PATCH", rf"{DATA}/sobjects/Event/(?P<remote_id>00U\w+)")
    def change_event(self, remote_id, body, **_):
        self.check_event(body)
        if remote_id not in self.records["Event"]:
            raise refusal(404, "ENTITY_IS_DELETED", "entity is deleted")
        self.records["Event"][remote_id] |= body
        return 204, None

    @route("DELETE", rf"{DATA}/sobjects/Event/(?P<remote_id>00U\w+)")
    def delete_event(self, remote_id, **_):
        if self.records["Event"].pop(remote_id, None) is None:
            raise refusal(404, "ENTITY_IS_DELETED", "entity is deleted")
        return 204, None

    def check_event(self, body):
        for name in body:
            if name not in self.fields:
                raise refusal(400, "INVALID_FIELD", f"No such column '{name}' on sobject")
        for name, limit in (("Subject", 255), ("Location", 255), ("Description", 32_000)):
            if len(body.get(name, "")) > limit:
                raise refusal(400, "STRING_TOO_LONG", f"{name}: data value too large", name)
        who = body.get("EventWhoIds", [])
        if len(who) > 50 or not all(i in self.records["Contact"] for i in who):
            message = "invalid cross reference id"
            raise refusal(400, "INVALID_CROSS_REFERENCE_KEY", message, "EventWhoIds")

    def put(self, kind, record, values):
        prefix = {"Contact": "003", "Lead": "00Q", "Event": "00U"}[kind]
        created = record is None
        record = record or {"Id": f"{prefix}{next(self.ids):012}"}
        record |= values
        self.records[kind][record["Id"]] = record
        done = {"id": record["Id"], "success": True, "created": created, "errors": []}
        return (201 if created else 200), done


def without_created(status, done):
    """Only an upsert says whether it made the record."""
    if isinstance(done, dict):
        done = {name: value for name, value in done.items() if name != "created"}
    return status, done


def is_with(event, ids):
    return str(event.get("WhoId")).lower() in ids


def found(records):
    return 200, {"totalSize": len(records), "done": True, "records": [dict(r) for r in records]}


def refusal(status, code, message, *fields):
    return Refused(status, [{"errorCode": code, "message": message, "fields": list(fields)}])
