"""Whom a sync saves as contacts, and what its owner reads of the others."""

import pytest

from crmsync.models import RemoteRecord, SandboxRecord
from crmsync.operations import syncs
from crmsync.providers.base import Ref
from crmsync.providers.options import with_defaults
from crmsync.providers.roles import Role, role_of
from crmsync.providers.sandbox import Sandbox

pytestmark = pytest.mark.django_db

OWNER = "rep@ours.example"
ROOM = "c_188abc@resource.calendar.google.com"


@pytest.mark.parametrize(
    ("email", "role"),
    [
        (OWNER, Role.OWNER),
        ("boss@ours.example", Role.INTERNAL),
        (ROOM, Role.RESOURCE),
        ("fred@fireflies.ai", Role.RESOURCE),
        ("notetaker@acme.example", Role.RESOURCE),
        ("ai.note-taker@acme.example", Role.RESOURCE),
        ("bob@acme.example", Role.EXTERNAL),
        ("somebody@fireflies.ai", Role.EXTERNAL),
    ],
)
def test_are_known_by_their_addresses(email, role):
    assert role_of(email, OWNER, with_defaults({}, {}, OWNER)) == role


@pytest.mark.parametrize("owner", ["rep@gmail.com", "rep@gmx.de", "rep@example.com"])
def test_are_no_colleagues_for_sharing_a_domain_that_anybody_has(owner):
    options = with_defaults({}, {}, owner)
    assert role_of(f"ann@{owner.partition('@')[2]}", owner, options) == Role.EXTERNAL


def test_are_whom_the_owner_says_they_are():
    chosen = {"internal_domains": ["sister.example"], "skip_addresses": ["cat@acme.example"]}
    options = with_defaults(chosen, {}, OWNER)
    assert role_of("ann@sister.example", OWNER, options) == Role.INTERNAL
    assert role_of("boss@ours.example", OWNER, options) == Role.EXTERNAL
    assert role_of("cat@acme.example", OWNER, options) == Role.SKIPPED


@pytest.fixture
def synced(own_api, make_meeting, connection, settle):
    """The document of a meeting with these attendees after its sync."""

    def sync(*emails):
        meeting = make_meeting(*emails)
        syncs.request_sync(meeting, by=None)
        settle()
        return own_api.get(f"/meetings/{meeting.pk}/sync").json()

    return sync


def test_leave_out_the_owner_and_rooms_and_say_so(synced, user):
    told = synced(user.email, ROOM, "bob@acme.example")
    assert (told["state"], told["headline"]) == ("synced", "Saved in Sandbox")
    reasons = {r["name"]: r["reason"] for r in told["records"] if r["action"] == "skipped"}
    assert set(reasons) == {user.email, ROOM}
    assert reasons[user.email] == "This is you, so no contact is made."
    assert SandboxRecord.objects.filter(kind="contact").values_list("key", flat=True).get() == (
        "bob@acme.example"
    )


def test_may_be_nobody_but_the_owner(synced, user):
    assert synced(user.email)["state"] == "synced"


@pytest.fixture
def fussy(monkeypatch):
    """A sandbox that does not accept these addresses."""
    upsert, unwanted = Sandbox.upsert_contacts, {"no@acme.example"}

    def upsert_some(self, people, known):
        refused = [p for p in people if p.email in unwanted]
        refs = upsert(self, [p for p in people if p not in refused], known)
        return [*refs, *(Ref("contact", p.email, "", "skipped", remark="No.") for p in refused)]

    monkeypatch.setattr(Sandbox, "upsert_contacts", upsert_some)
    return unwanted


def test_whom_the_crm_refuses_do_not_stop_the_others(synced, fussy):
    told = synced("ann@acme.example", "no@acme.example", "bob@acme.example")
    assert told["state"] == "synced"
    assert told["headline"] == "Saved in Sandbox, but not with everybody"
    assert told["detail"].startswith("Sandbox did not accept no@acme.example.")
    (skipped,) = [r for r in told["records"] if r["action"] == "skipped"]
    assert (skipped["name"], skipped["reason"]) == ("no@acme.example", "No.")
    meeting = SandboxRecord.objects.get(kind="meeting").data
    assert meeting["contacts"] == ["ann@acme.example", "bob@acme.example"]


def test_who_are_all_refused_stop_the_sync(synced, fussy):
    told = synced("no@acme.example")
    assert (told["state"], told["error"]["code"]) == ("failed", "record_rejected")
    assert told["error"]["field"] == "attendees"


def test_who_were_refused_are_tried_again_by_the_next_sync(synced, fussy, own_api, settle):
    told = synced("ann@acme.example", "no@acme.example")
    assert RemoteRecord.objects.get(local_key="no@acme.example").remote_id == ""
    fussy.clear()
    path = f"/meetings/{told['meeting_id']}/sync"
    own_api.post(path)
    settle()
    assert own_api.get(path).json()["headline"] == "Saved in Sandbox"
    assert RemoteRecord.objects.get(local_key="no@acme.example").remote_id
