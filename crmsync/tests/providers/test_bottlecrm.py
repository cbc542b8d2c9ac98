import uuid
from dataclasses import replace

import httpx
import pytest

from crmsync.errors import CrmError
from crmsync.providers.base import Person, Session
from crmsync.providers.bottlecrm import BottleCrm, explain
from crmsync.providers.http import Answer
from crmsync.tests.stand_ins.bottlecrm import SCOPES, BottleCrmStandIn

FUTURE = "This is more than five minutes in the future."
ERRORS = [
    (403, {"detail": "Organization context is required"}, "connection_expired", "", ""),
    (403, {"detail": "It needs the contacts:write scope."}, "permission_missing", "",
     "It needs the contacts:write scope."),
    (403, {"detail": "x" * 501}, "permission_missing", "", "x" * 500),
    (401, {"detail": "Invalid token"}, "connection_expired", "", ""),
    (400, {"errors": {"occurred_at": [FUTURE]}}, "record_rejected", "start", FUTURE),
    (400, {"errors": {"email": ["Enter a valid email address."]}}, "record_rejected",
     "e-mail address", "Enter a valid email address."),
    (400, {"errors": {"last_name": ["This field is required."]}}, "field_missing",
     "attendee’s name", "This field is required."),
    (400, {"errors": {"kind": ["No."]}}, "unexpected_error", "", ""),
    (400, {"errors": "no"}, "unexpected_error", "", ""),
    (400, [], "unexpected_error", "", ""),
    (404, {"detail": "Not found."}, "unexpected_error", "", ""),
    (429, {"detail": "Request was throttled."}, "crm_rate_limited", "", ""),
    (500, None, "crm_unavailable", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "data", "code", "field", "detail"), ERRORS)
def test_knows_what_an_error_means(status, data, code, field, detail):
    error = explain(Answer(status, data, "", httpx.Headers()))
    assert (error.code, error.field, error.detail) == (code, field, detail)


@pytest.mark.django_db
@pytest.mark.parametrize("scope", SCOPES)
def test_says_which_scope_is_missing(own_api, settings, scope):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    with BottleCrmStandIn() as crm:
        crm.scopes.remove(scope)
        credentials = {"url": crm.url, "token": crm.token}
        refused = own_api.put("/connection", {"provider": "bottlecrm", "credentials": credentials})
        assert not crm.contacts
        assert not crm.interactions
    assert refused.status_code == 400
    assert scope in refused.json()["credentials"][1]


@pytest.fixture
def crm(settings):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    with BottleCrmStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def bottlecrm(crm):
    with Session({"url": crm.url, "token": crm.token}) as session:
        yield BottleCrm(session)


def save(bottlecrm, content):
    people = bottlecrm.upsert_contacts([Person("ann@acme.example", "Ann")], {})
    ref, *_ = bottlecrm.upsert_meeting(content, people, {})
    bottlecrm.add_notes(ref, content, people, {})
    return ref


def test_finds_a_meeting_below_which_somebody_wrote(crm, bottlecrm, content):
    first = save(bottlecrm, content)
    crm.interactions[first.remote_id]["body"] += "\r\nCall them back."
    assert save(bottlecrm, content).remote_id == first.remote_id


def test_takes_no_meeting_that_quotes_another_for_that(bottlecrm, content):
    quoting = replace(content, key=uuid.uuid4(), notes=f"See\n[syncsite {content.key}]")
    assert save(bottlecrm, quoting).remote_id != save(bottlecrm, content).remote_id


def test_gives_each_attendee_one_interaction(crm, bottlecrm, content):
    people = [Person(f"{name}@acme.example", name) for name in ("ann", "bob")]
    ann, bob = bottlecrm.upsert_contacts(people, {})
    ref, _ = bottlecrm.upsert_meeting(content, [bob], {})
    refs = bottlecrm.add_notes(ref, content, [ann, bob], {})
    assert len([link for link in refs if link.kind == "link"]) == len(crm.interactions) == 2


def test_removes_the_interactions_of_a_meeting_that_nobody_attends(crm, bottlecrm, content):
    (ann,) = bottlecrm.upsert_contacts([Person("ann@acme.example", "Ann")], {})
    _, link = bottlecrm.upsert_meeting(content, [ann], {})
    with pytest.raises(CrmError) as refused:
        bottlecrm.upsert_meeting(content, [], {(link.kind, link.local_key): link})
    assert (refused.value.code, crm.interactions) == ("field_missing", {})


def test_reads_only_so_many_pages(crm, bottlecrm):
    page = {"results": [{"email": "joann@acme.example"}] * 100}
    crm.first["GET", "/api/contacts/"] = [(200, page)] * 60
    with pytest.raises(CrmError, match="Too many pages"):
        bottlecrm.upsert_contacts([Person("ann@acme.example", "Ann")], {})
    assert len(crm.first["GET", "/api/contacts/"]) == 10
