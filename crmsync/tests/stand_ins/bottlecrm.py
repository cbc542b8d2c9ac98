"""As much of BottleCRM as a sync touches, in memory; `pytest -m real_crm` asks the real one."""

import uuid
from datetime import UTC, datetime, timedelta

from crmsync.tests.stand_ins.server import Refused, StandIn, route

SCOPES = ["contacts:read", "contacts:write", "interactions:read", "interactions:write"]


class BottleCrmStandIn(StandIn):
    no_entry = (403, {"detail": "Organization context is required"})

    def __init__(self):
        super().__init__()
        self.contacts = {}
        self.interactions = {}
        self.scopes = list(SCOPES)

    def answer(self, method, path, query, body):
        resource = path.split("/")[2]
        scope = f"{resource}:{'read' if method == 'GET' else 'write'}"
        if scope not in self.scopes:
            return 403, {"detail": f"This token is not scoped. It needs the {scope} scope."}
        return super().answer(method, path, query, body)

    @route("GET", "/api/contacts/")
    def list_contacts(self, query, **_):
        wanted = query.get("email", "").lower()
        found = [c for c in self.contacts.values() if wanted in c["email"].lower()]
        return 200, {"results": page(found, query), "count": len(found)}

    @route("POST", "/api/contacts/")
    def create_contact(self, body, **_):
        missing = [name for name in ("first_name", "last_name") if not body.get(name)]
        if missing:
            raise refusal({name: ["This field is required."] for name in missing})
        if "@" not in body["email"]:
            raise refusal({"email": ["Enter a valid email address."]})
        if any(c["email"].lower() == body["email"].lower() for c in self.contacts.values()):
            raise refusal({"email": ["Contact already exists with this email"]})
        contact = {"id": str(uuid.uuid4()), **body}
        self.contacts[contact["id"]] = contact
        return 200, {"error": False, "id": contact["id"]}

    @route("GET", "/api/interactions/")
    def list_interactions(self, query, **_):
        if "contact" not in query:
            raise refusal({"non_field_errors": ["Name exactly one record."]})
        if query["contact"] not in self.contacts:
            raise Refused(404, {"detail": "No such record."})
        found = [i for i in self.interactions.values() if i["contact"] == query["contact"]]
        return 200, {"interactions": page(found, query), "count": len(found)}

    @route("POST", "/api/interactions/")
    def create_interaction(self, body, **_):
        if "kind" not in body:
            raise refusal({"kind": ["This field is required."]})
        check(body)
        if body["contact"] not in self.contacts:
            raise Refused(404, {"detail": "No such record."})
        interaction = {"id": str(uuid.uuid4()), **stored(body)}
        self.interactions[interaction["id"]] = interaction
        return 201, interaction

    @route("PATCH", "/api/interactions/(?P<remote_id>[^/]+)/")
    def change_interaction(self, remote_id, body, **_):
        if remote_id not in self.interactions:
            raise Refused(404, {"detail": "Not found."})
        check(body)
        if (
            body.get("contact", self.interactions[remote_id]["contact"])
            != (self.interactions[remote_id]["contact"])
        ):
            raise refusal({"contact": ["The record an interaction is on cannot be changed."]})
        self.interactions[remote_id] |= stored(body)
        return 200, self.interactions[remote_id]

    @route("DELETE", "/api/interactions/(?P<remote_id>[^/]+)/")
    def delete_interaction(self, remote_id, **_):
        if self.interactions.pop(remote_id, None) is None:
            raise Refused(404, {"detail": "No such interaction."})
        return 204, b""


def stored(body):
    """Texts lose the white space around them, and times their zone."""
    texts = {name: body[name].strip() for name in ("subject", "body") if name in body}
    if "occurred_at" in body:
        at = datetime.fromisoformat(body["occurred_at"]).astimezone(UTC)
        texts["occurred_at"] = at.isoformat().replace("+00:00", "Z")
    return {**body, **texts}


def check(body):
    if len(body.get("subject", "")) > 200:
        raise refusal({"subject": ["Ensure this field has no more than 200 characters."]})
    if len(body.get("body", "")) > 10_000:
        raise refusal({"body": ["Ensure this field has no more than 10000 characters."]})
    occurred_at = datetime.fromisoformat(body.get("occurred_at", "2020-01-01T00:00:00+00:00"))
    if occurred_at > datetime.now(UTC) + timedelta(minutes=5):
        raise refusal({"occurred_at": ["This is more than five minutes in the future."]})


def page(rows, query):
    start = int(query.get("offset", 0))
    return rows[start : start + int(query.get("limit", 10))]


def refusal(errors):
    return Refused(400, {"error": True, "errors": errors})
