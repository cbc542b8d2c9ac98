"""The accounts that the contract is tested with, all looked at in the same way."""

import json
import os
import re
from contextlib import contextmanager

import httpx

from crmsync.providers import PROVIDERS
from crmsync.tests.stand_ins.bottlecrm import BottleCrmStandIn
from crmsync.tests.stand_ins.hubspot import HubSpotStandIn
from crmsync.tests.stand_ins.salesforce import SalesforceStandIn
from crmsync.tests.stand_ins.sandbox import SandboxAccount, Written, session
from crmsync.tests.stand_ins.server import TLS, Proxy, StandIn


class HttpAccount:
    """An account behind a proxy that can lose answers."""

    needs_an_attendee = False
    most_linked = 1000
    note_limit = 65_536
    owner = "rep@ours.example"

    def __init__(self, crm_url, token=StandIn.token):
        self.token = token
        self.direct = httpx.Client(
            base_url=crm_url, headers={"Authorization": f"Bearer {token}"}, timeout=60, verify=TLS
        )
        self.proxy = Proxy(crm_url)
        self.capabilities = {}
        self.options = {}

    @contextmanager
    def open(self, settings):
        with self.proxy, self.direct:
            settings.ALLOW_PRIVATE_CRM_HOSTS = True
            self.configure(settings)
            with self.session() as session:
                self.capabilities = PROVIDERS[self.provider](session).check().capabilities
            yield self

    def configure(self, settings):
        pass

    def session(self, known=None):
        return session(self, known, credentials=self.credentials(), capabilities=self.capabilities)

    def credentials(self):
        return {"url": self.proxy.url, "token": self.token}

    @contextmanager
    def losing(self, call):
        self.proxy.restart(losing=call)
        yield
        self.proxy.losing = None

    def count_calls(self, work):
        self.proxy.restart()
        work()
        return len(self.proxy.calls)

    def count_writes(self, work):
        self.proxy.restart()
        work()
        return sum(map(self.is_write, self.proxy.requests))

    @staticmethod
    def is_write(request):
        method, path, _ = request
        return method != "GET" and not path.endswith(("/read", "/search"))


class HubSpotAccount(HttpAccount):
    provider = "hubspot"

    def __init__(self, crm):
        super().__init__(crm.url)
        self.crm = crm

    def configure(self, settings):
        settings.HUBSPOT_API_URL = self.proxy.url

    def add_contact(self, email):
        self.crm.add("contacts", {"email": email})

    def contacts(self, email):
        people = self.crm.objects["contacts"].items()
        return [i for i, p in people if p["email"].lower() == email]

    def written(self, meeting):
        ending = f"/meetings/{meeting.key}"
        rows = self.crm.objects["meetings"].items()
        found = {i: p for i, p in rows if p.get("hs_meeting_external_url", "").endswith(ending)}
        linked = [self.crm.objects["contacts"][c]["email"] for c, m in self.crm.links if m in found]
        last = next(iter(found.values()), {})
        title, notes = last.get("hs_meeting_title", ""), last.get("hs_internal_meeting_notes", "")
        return Written(len(found), title, notes, sorted(linked))

    def meeting(self, meeting):
        key = str(meeting.key)
        return next((p for p in self.crm.objects["meetings"].values() if key in str(p)), {})

    def edit_notes(self, meeting, text):
        ours = self.meeting(meeting)
        ours["hs_internal_meeting_notes"] = ours.get("hs_internal_meeting_notes", "") + text

    def edit_title(self, meeting, text):
        self.meeting(meeting)["hs_meeting_title"] = text

    def move_start(self, meeting, at):
        self.meeting(meeting)["hs_meeting_start_time"] = at

    def link_guest(self, meeting, email):
        (meeting_id,) = (
            i for i, p in self.crm.objects["meetings"].items() if p == self.meeting(meeting)
        )
        found = self.crm.find("contacts", "email", email)
        self.crm.link(found or self.crm.add("contacts", {"email": email}), meeting_id)

    def told(self, meeting):
        return str(self.meeting(meeting))

    def lose_everything(self):
        for records in self.crm.objects.values():
            records.clear()
        self.crm.links.clear()


class SalesforceAccount(HttpAccount):
    provider = "salesforce"
    note_limit = 32_000

    def __init__(self, crm):
        super().__init__(crm.url)
        self.crm = crm
        self.most_linked = 50 if "EventWhoIds" in crm.fields else 1

    def credentials(self):
        return {"instance_url": self.proxy.url, "access_token": self.token}

    def add_contact(self, email):
        self.crm.put("Contact", None, {"Email": email, "LastName": "Known"})

    def contacts(self, email):
        people = self.crm.records["Contact"].values()
        return [c["Id"] for c in people if c["Email"].lower() == email]

    def written(self, meeting):
        events = [e for e in self.crm.records["Event"].values() if str(meeting.key) in str(e)]
        last = events[-1] if events else {}
        ids = last.get("EventWhoIds") or [i for i in [last.get("WhoId")] if i]
        linked = sorted(self.crm.records["Contact"][i]["Email"] for i in ids)
        notes = re.sub(r"(\n\n)?\[syncsite .*\]$", "", last.get("Description", ""))
        return Written(len(events), last.get("Subject", ""), notes, linked)

    def event(self, meeting):
        rows = self.crm.records["Event"].values()
        return next((e for e in rows if str(meeting.key) in str(e)), {})

    def edit_notes(self, meeting, text):
        event = self.event(meeting)
        event["Description"] = f"{text}\n{event.get('Description', '')}".rstrip()

    def edit_title(self, meeting, text):
        self.event(meeting)["Subject"] = text

    def move_start(self, meeting, at):
        self.event(meeting)["StartDateTime"] = at

    def link_guest(self, meeting, email):
        _, made = self.crm.put("Contact", None, {"Email": email, "LastName": "Guest"})
        event = self.event(meeting)
        event["EventWhoIds"] = [*event["EventWhoIds"], made["id"]]

    def told(self, meeting):
        return str(self.event(meeting))

    @staticmethod
    def is_write(request):
        return any(part["method"] != "GET" for part in composite_of(request))

    def lose_everything(self):
        for records in self.crm.records.values():
            records.clear()


class BottleCrmAccount(HttpAccount):
    """Looks through the CRM's own API, so that it can also be the real one."""

    provider = "bottlecrm"
    needs_an_attendee = True
    note_limit = 10_000

    @classmethod
    def of(cls, crm):
        return cls(crm.url)

    def add_contact(self, email):
        names = {"first_name": "Known", "last_name": "Person"}
        self.direct.post("/api/contacts/", json={**names, "email": email}).raise_for_status()

    def contacts(self, email):
        found = self.get("/api/contacts/", email=email, limit=1000)["results"]
        return [c["id"] for c in found if c["email"].lower() == email]

    def written(self, meeting):
        linked, per_contact, last = [], [], {}
        for email in meeting.emails:
            for contact in self.contacts(email):
                rows = self.get("/api/interactions/", contact=contact, limit=200)["interactions"]
                ours = [row for row in rows if f"[syncsite {meeting.key}]" in row["body"]]
                per_contact.append(len(ours))
                linked += [email] * len(ours)
                last = ours[-1] if ours else last
        notes = re.sub(r"(\n\n)?\[syncsite .*\]$", "", last.get("body", ""))
        return Written(max(per_contact, default=0), last.get("subject", ""), notes, sorted(linked))

    def edit_notes(self, meeting, text):
        for row in self.interactions(meeting):
            self.patch(row, body=f"{text}\n{row['body']}")

    def edit_title(self, meeting, text):
        for row in self.interactions(meeting):
            self.patch(row, subject=text)

    def move_start(self, meeting, at):
        for row in self.interactions(meeting):
            self.patch(row, occurred_at=at)

    def patch(self, row, **content):
        self.direct.patch(f"/api/interactions/{row['id']}/", json=content).raise_for_status()

    def told(self, meeting):
        return str(self.interactions(meeting))

    def interactions(self, meeting):
        rows = [
            row
            for email in meeting.emails
            for contact in self.contacts(email)
            for row in self.get("/api/interactions/", contact=contact, limit=200)["interactions"]
        ]
        return [row for row in rows if f"[syncsite {meeting.key}]" in row["body"]]

    def get(self, path, **params):
        answer = self.direct.get(path, params=params)
        answer.raise_for_status()
        return answer.json()

    def lose_everything(self):
        for email in self.known_emails:
            for contact in self.contacts(email):
                for row in self.get("/api/interactions/", contact=contact)["interactions"]:
                    path = f"/api/interactions/{row['id']}/"
                    self.direct.delete(path).raise_for_status()


def composite_of(request):
    """The parts of a request to Salesforce."""
    method, _, body = request
    parts = json.loads(body).get("compositeRequest") if body else None
    return parts or [{"method": method}]


def serving(account, stand_in, **options):
    @contextmanager
    def opened(settings):
        with stand_in(**options) as crm, account(crm).open(settings) as made:
            yield made

    return opened


def real_bottlecrm(settings):
    crm = BottleCrmAccount(os.environ["BOTTLECRM_URL"], os.environ["BOTTLECRM_TOKEN"])
    return crm.open(settings)


ACCOUNTS = {
    "sandbox": SandboxAccount().open,
    "hubspot": serving(HubSpotAccount, HubSpotStandIn),
    "hubspot-without-key": serving(HubSpotAccount, HubSpotStandIn, unique_key=False),
    "salesforce": serving(SalesforceAccount, SalesforceStandIn),
    "salesforce-without-key": serving(
        SalesforceAccount, SalesforceStandIn, unique_key=False, shared_activities=False
    ),
    "bottlecrm": serving(BottleCrmAccount.of, BottleCrmStandIn),
    "bottlecrm-real": real_bottlecrm,
}
