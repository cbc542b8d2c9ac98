"""As much of HubSpot as a sync touches, in memory; test_hubspot.py has its SDK judge it."""

import re
from itertools import count

from crmsync.tests.stand_ins.granting_tokens import GrantingTokens
from crmsync.tests.stand_ins.server import Refused, StandIn, route

OBJECTS = r"/crm/(?:objects/2026-09|v3/objects)"
ASSOCIATIONS = r"/crm/(?:associations/2026-09|v4/associations)"
PROPERTIES = r"/crm/(?:properties/2026-09|v3/properties)"
STAMP = "2026-05-04T12:00:00Z"


class HubSpotStandIn(GrantingTokens, StandIn):
    refusal = {"status": "error", "category": "INVALID_AUTHENTICATION", "message": "no"}
    no_entry = (401, {**refusal, "correlationId": "c"})

    def __init__(self, unique_key=True):
        super().__init__()
        self.ids = count(101)
        self.objects = {"contacts": {}, "meetings": {}, "companies": {}}
        self.links = set()  # Pairs of a contact, or a company, and a meeting.
        self.owners = {}  # By address.
        self.links_per_page = 500
        self.may_have_key = unique_key
        self.properties = {}
        self.scopes = {
            "crm.objects.contacts.read",
            "crm.objects.contacts.write",
            "crm.objects.owners.read",
            "crm.objects.companies.read",
        }

    def answer(self, method, path, query, body):
        is_write = method != "GET" and not path.endswith(("read", "search"))
        scope = f"crm.objects.contacts.{'write' if is_write else 'read'}"
        further = re.match(r"/crm/(?:objects/2026-09/)?(owners|companies)", path)
        scope = f"crm.objects.{further[1]}.read" if further else scope
        if scope not in self.scopes:
            error = {"context": {"requiredGranularScopes": [scope]}}
            refused = refusal(403, "MISSING_SCOPES", "This app lacks scopes.").answer
            return 403, {**refused[1], "errors": [error]}
        return super().answer(method, path, query, body)

    @route("GET", "/account-info/v3/details")
    def details(self, **_):
        return 200, {"portalId": 4711, "uiDomain": "app-eu1.hubspot.com", "timeZone": "UTC"}

    @route("GET", rf"{PROPERTIES}/meetings/groups")
    def groups(self, **_):
        return 200, {"results": [{"name": "meetinginformation", "label": "Meeting"}]}

    @route("GET", rf"{PROPERTIES}/meetings/(?P<name>\w+)")
    def read_property(self, name, **_):
        if name not in self.properties:
            raise refusal(404, "OBJECT_NOT_FOUND", f"Property {name} does not exist")
        return 200, self.properties[name]

    @route("POST", rf"{PROPERTIES}/meetings")
    def make_property(self, body, **_):
        if not self.may_have_key:
            raise refusal(400, "VALIDATION_ERROR", "This object supports no unique properties.")
        if body["name"] in self.properties:
            raise refusal(409, "CONFLICT", "The property exists.")
        self.properties[body["name"]] = body
        return 201, body

    @route("GET", "/crm/owners/2026-09")
    def list_owners(self, query, **_):
        email = query.get("email", "")
        found = [{"id": i, "email": e} for e, i in self.owners.items() if e == email]
        return 200, {"results": found}

    @route("GET", rf"{OBJECTS}/(?P<kind>contacts|meetings|companies)")
    def list_objects(self, kind, **_):
        return 200, {"results": [shown(i, p) for i, p in self.objects[kind].items()][:1]}

    @route("POST", rf"{OBJECTS}/(?P<kind>contacts|meetings)")
    def create(self, kind, body, **_):
        self.refuse_twin(kind, body["properties"])
        if any(link["to"]["id"] not in self.objects["contacts"] for link in body["associations"]):
            raise refusal(404, "OBJECT_NOT_FOUND", "Object not found.")
        remote_id = self.add(kind, body["properties"])
        for link in body["associations"]:
            self.link(link["to"]["id"], remote_id)
        return 201, shown(remote_id, body["properties"])

    @route("PATCH", rf"{OBJECTS}/(?P<kind>contacts|meetings)/(?P<remote_id>\w+)")
    def change(self, kind, remote_id, body, **_):
        if remote_id not in self.objects[kind]:
            raise refusal(404, "OBJECT_NOT_FOUND", "Object not found.")
        check_lengths(body["properties"])
        self.objects[kind][remote_id] |= body["properties"]
        return 200, shown(remote_id, self.objects[kind][remote_id])

    @route("DELETE", rf"{OBJECTS}/meetings/(?P<remote_id>\w+)")
    def archive(self, remote_id, **_):
        self.objects["meetings"].pop(remote_id, None)
        self.links = {pair for pair in self.links if pair[1] != remote_id}
        return 204, b""

    @route("POST", rf"{OBJECTS}/(?P<kind>contacts|meetings)/batch/read")
    def read(self, kind, body, **_):
        results, missing = [], []
        for one in inputs_of(body):
            found = self.find(kind, body.get("idProperty"), one["id"])
            if found is None:
                missing.append(one["id"])
            else:
                results.append(shown(found, self.objects[kind][found]))
        errors = [not_found(missing)] if missing else []
        return (207 if errors else 200), batch(results, errors)

    @route("POST", rf"{OBJECTS}/(?P<kind>contacts|meetings)/batch/upsert")
    def upsert(self, kind, body, **_):
        results, errors = [], []
        for one in inputs_of(body):
            name = one.get("idProperty")
            if not (name == "email" or name in self.properties):
                message = f"Unable to perform upsert by non-unique property {name} in portal ID"
                raise refusal(400, "VALIDATION_ERROR", message)
            check_lengths(one["properties"])
            if "@" not in one["properties"].get("email", "@"):
                errors.append(invalid_email(one))
                continue
            found = self.find(kind, name, one["id"])
            remote_id = found or self.add(kind, {name: one["id"]})
            self.objects[kind][remote_id] |= one["properties"]
            result = shown(remote_id, self.objects[kind][remote_id])
            trace = one.get("objectWriteTraceId")
            results.append({**result, "new": found is None, "objectWriteTraceId": trace})
        results.reverse()  # HubSpot promises no order.
        return (207 if errors else 200), batch(results, errors)

    @route("POST", rf"{OBJECTS}/meetings/search")
    def search(self, body, **_):
        (asked,) = body["filterGroups"][0]["filters"]
        found = [
            shown(remote_id, properties)
            for remote_id, properties in self.objects["meetings"].items()
            if properties.get(asked["propertyName"]) == asked["value"]
        ]
        return 200, {"total": len(found), "results": found}

    @route("POST", rf"{ASSOCIATIONS}/meetings/(?P<kind>contacts|companies)/batch/associate/default")
    def associate(self, kind, body, **_):
        for pair in inputs_of(body):
            meeting, other = pair["from"]["id"], pair["to"]["id"]
            if meeting not in self.objects["meetings"] or other not in self.objects[kind]:
                raise refusal(404, "OBJECT_NOT_FOUND", "Object not found.")
            self.link(other, meeting)
        return 200, batch([{"from": p["from"], "to": p["to"]} for p in inputs_of(body)], [])

    @route("POST", rf"{ASSOCIATIONS}/meetings/(?P<kind>contacts|companies)/batch/archive")
    def dissociate(self, kind, body, **_):
        for pair in inputs_of(body):
            for other in pair["to"]:
                self.links.discard((other["id"], pair["from"]["id"]))
        return 204, b""

    @route("POST", rf"{ASSOCIATIONS}/(?P<start>\w+)/(?P<end>\w+)/batch/read")
    def read_links(self, start, end, body, **_):
        results = []
        for one in inputs_of(body):
            linked = sorted(
                theirs
                for own, theirs in (p if end == "meetings" else p[::-1] for p in self.links)
                if own == one["id"] and theirs in self.objects[end]
            )
            first = int(one.get("after", 0))
            last = first + self.links_per_page
            to = [{"toObjectId": int(m), "associationTypes": []} for m in linked[first:last]]
            paging = {"paging": {"next": {"after": str(last)}}} if last < len(linked) else {}
            results.append({"from": {"id": one["id"]}, "to": to, **paging})
        return 200, batch(results, [])

    def add(self, kind, properties):
        remote_id = str(next(self.ids))
        self.objects[kind][remote_id] = dict(properties)
        return remote_id

    def link(self, contact, meeting):
        self.links.add((contact, meeting))

    def find(self, kind, name, value):
        if name is None:
            return value if value in self.objects[kind] else None
        for remote_id, properties in self.objects[kind].items():
            further = properties.get("hs_additional_emails", "").split(";")
            values = [properties.get(name, ""), *(further if name == "email" else [])]
            if value.lower() in [v.lower() for v in values if v]:
                return remote_id
        return None

    def refuse_twin(self, kind, properties):
        twin = kind == "contacts" and self.find(kind, "email", properties.get("email", ""))
        if twin:
            raise refusal(409, "CONFLICT", f"Contact already exists. Existing ID: {twin}")


def inputs_of(body):
    if not 1 <= len(body["inputs"]) <= 100:
        raise refusal(400, "VALIDATION_ERROR", "Between 1 and 100 inputs are allowed.")
    return body["inputs"]


def check_lengths(properties):
    for name, value in properties.items():
        if not isinstance(value, str):
            raise refusal(400, "VALIDATION_ERROR", f"Invalid input JSON: {name} is no string")
        if len(value) > 65_536:
            raise refusal(400, "VALIDATION_ERROR", f'Property "{name}" is too long')


def refusal(status, category, message):
    error = {"status": "error", "category": category, "message": message, "correlationId": "c-1"}
    return Refused(status, error)


def not_found(ids):
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some CONTACT objects",
        "context": {"ids": ids},
        "errors": [],
        "links": {},
        "id": "1",
    }


def invalid_email(one):
    email = one["properties"]["email"]
    return {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "message": f'Property values were not valid: [{{"name":"email","message":"{email}"}}]',
        "context": {"objectWriteTraceId": [one.get("objectWriteTraceId")]},
        "errors": [],
        "links": {},
        "id": "2",
    }


def shown(remote_id, properties):
    stamps = {"createdAt": STAMP, "updatedAt": STAMP}
    return {"id": remote_id, "properties": dict(properties), "archived": False, **stamps}


def batch(results, errors):
    answer = {"status": "COMPLETE", "results": results, "startedAt": STAMP, "completedAt": STAMP}
    return {**answer, "errors": errors, "numErrors": len(errors)} if errors else answer
