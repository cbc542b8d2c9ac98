"""What is HubSpot's own: its errors, and how it is connected."""

import httpx
import pytest

from crmsync.errors import CrmError
from crmsync.models import Connection, SyncRun
from crmsync.providers.http import Answer
from crmsync.providers.hubspot_errors import explain, explain_item
from crmsync.tests.stand_ins.hubspot import HubSpotStandIn

pytestmark = pytest.mark.django_db(transaction=True)

TEN_SECONDS = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
DAILY = {"errorType": "RATE_LIMIT", "policyName": "DAILY"}
SCOPES = [{"context": {"requiredGranularScopes": ["crm.objects.contacts.write"]}}]
NO_EMAIL = 'Property values were not valid: [{"name":"email","message":"bob@@x"}]'

ERRORS = [
    (401, {"category": "INVALID_AUTHENTICATION"}, "connection_expired", {}),
    (401, {"category": "EXPIRED_AUTHENTICATION"}, "connection_expired", {}),
    (403, {"category": "MISSING_SCOPES", "errors": SCOPES}, "permission_missing",
     {"detail": "crm.objects.contacts.write"}),
    (403, {}, "permission_missing", {}),
    (429, TEN_SECONDS, "crm_rate_limited", {"retry_after": 10}),
    (429, DAILY, "crm_daily_quota_used", {"retry_after": None}),
    (400, {"category": "VALIDATION_ERROR", "message": NO_EMAIL}, "record_rejected",
     {"field": "e-mail address", "detail": NO_EMAIL}),
    (400, {"category": "VALIDATION_ERROR", "message": 'Property "hs_meeting_outcome" is required'},
     "field_missing", {"field": "hs_meeting_outcome"}),
    (400, {"category": "VALIDATION_ERROR", "message": "Invalid input JSON on line 1"},
     "unexpected_error", {}),
    (400, {"category": "VALIDATION_ERROR", "message": "upsert by non-unique 0-47 property"},
     "permission_missing", {}),
    (409, {"category": "CONFLICT", "message": "Contact already exists."}, "record_rejected", {}),
    (404, {"category": "OBJECT_NOT_FOUND"}, "unexpected_error", {}),
    (418, {"category": "NEW_ONE"}, "unexpected_error", {}),
    (423, {}, "record_locked", {}),
    (477, {}, "crm_unavailable", {}),
    (500, {}, "crm_unavailable", {}),
    (502, None, "crm_unavailable", {}),
    (524, None, "crm_unavailable", {}),
]  # fmt: skip


@pytest.mark.parametrize(("status", "data", "code", "values"), ERRORS)
def test_knows_what_an_error_means(status, data, code, values):
    error = explain(Answer(status, data, "text for staff", httpx.Headers()))
    assert (error.code, error.http_status, error.message) == (code, status, "text for staff")
    assert {name: getattr(error, name) for name in values} == values


@pytest.mark.parametrize(
    ("header", "text", "seconds"),
    [
        ("Retry-After", "7", 7),
        ("Retry-After", "99999", 10),
        ("X-HubSpot-RateLimit-Interval-Milliseconds", "10000", 10),
        ("X-HubSpot-RateLimit-Interval-Milliseconds", "2000", 2),
        ("X-HubSpot-RateLimit-Interval-Milliseconds", "soon", 10),
    ],
)
def test_knows_how_long_to_wait(header, text, seconds):
    headers = httpx.Headers({header: text})
    assert explain(Answer(429, TEN_SECONDS, "", headers)).retry_after == seconds


def test_keeps_the_correlation_id():
    data = {"category": "VALIDATION_ERROR", "correlationId": "c-1"}
    assert explain(Answer(400, data, "", httpx.Headers())).correlation_id == "c-1"


def test_keeps_what_belongs_to_a_record_that_failed_among_others():
    whole = Answer(207, {"correlationId": "c-1"}, "", httpx.Headers({"X-RateLimit-Left": "3"}))
    problem = {"category": "VALIDATION_ERROR", "message": NO_EMAIL}
    error = explain_item(problem, whole)
    assert (error.code, error.field) == ("record_rejected", "e-mail address")
    assert (error.correlation_id, error.message) == ("c-1", f"{NO_EMAIL}\nx-ratelimit-left: 3")


@pytest.mark.parametrize(
    "data", [[], "text", 7, {"errors": "x"}, {"message": {}}, {"category": []}]
)
def test_survives_any_error(data):
    for status in (400, 403, 429, 500):
        assert isinstance(explain(Answer(status, data, "", httpx.Headers())), CrmError)


@pytest.fixture
def crm(settings):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    with HubSpotStandIn() as stand_in:
        settings.HUBSPOT_API_URL = stand_in.url
        yield stand_in


def connect(api, token=HubSpotStandIn.token):
    return api.put("/connection", {"provider": "hubspot", "credentials": {"token": token}})


def test_is_connected_with_a_token_and_makes_its_property(own_api, crm):
    assert connect(own_api).json()["account"] == "HubSpot 4711"
    assert crm.properties["syncsite_meeting_key"]["hasUniqueValue"] is True
    assert Connection.objects.get().capabilities["unique_key"] is True
    assert connect(own_api).status_code == 200


def test_does_without_the_property_where_it_cannot_be_made(own_api, crm):
    crm.may_have_key = False
    assert connect(own_api).status_code == 200
    assert Connection.objects.get().capabilities["unique_key"] is False


def test_says_which_scopes_are_missing(own_api, crm):
    crm.scopes.remove("crm.objects.contacts.write")
    title, message, _ = connect(own_api).json()["credentials"]
    assert title == "A permission is missing in HubSpot"
    assert "crm.objects.contacts.write" in message


def test_is_not_connected_with_a_wrong_token(own_api, crm):
    refused = connect(own_api, "pat-na1-wr0ng")
    assert refused.status_code == 400
    assert "wr0ng" not in refused.content.decode()


def test_is_synced_through_the_workers(own_api, crm, make_meeting, settle):
    connect(own_api)
    meeting = make_meeting("ann@acme.example", "bob@acme.example")
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    document = own_api.get(f"/meetings/{meeting.pk}/sync").json()
    assert document["state"] == "synced"
    urls = {record["url"] for record in document["records"] if record["kind"] == "meeting"}
    (meeting_id,) = crm.objects["meetings"]
    assert urls == {f"https://app-eu1.hubspot.com/contacts/4711/record/0-47/{meeting_id}"}
    assert len(crm.links) == 2


def test_says_that_notes_were_shortened(own_api, crm, make_meeting, settle):
    connect(own_api)
    meeting = make_meeting("ann@acme.example", notes="ä" * 70_000)
    own_api.post(f"/meetings/{meeting.pk}/sync")
    settle()
    document = own_api.get(f"/meetings/{meeting.pk}/sync").json()
    assert document["headline"] == "Saved in HubSpot, though not all of it"
    names = [record["name"] for record in document["records"] if record["kind"] == "note"]
    assert names == ["Notes (shortened)"]


def test_left_for_another_crm_cancels_what_is_under_way(own_api, crm, make_meeting):
    connect(own_api)
    meeting = make_meeting("ann@acme.example")
    own_api.post(f"/meetings/{meeting.pk}/sync")
    own_api.put("/connection", {"provider": "sandbox", "credentials": {}})
    assert own_api.get(f"/meetings/{meeting.pk}/sync").json()["state"] == "never_synced"
    assert SyncRun.objects.get().status == SyncRun.Status.CANCELED
    assert Connection.objects.get().capabilities == {}
