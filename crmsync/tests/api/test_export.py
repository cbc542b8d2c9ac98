"""Everything of a person, to take away."""

import json

import pytest
from django.utils import translation

from accounts.throttles import ExportThrottle
from conftest import PASSWORD, api_of
from crmsync.api import export
from crmsync.fields import Sealed
from crmsync.models import Connection
from crmsync.operations import connections, syncs
from meetings.models import Meeting

pytestmark = pytest.mark.django_db


def exported(api):
    response = api.get("/me/export")
    assert response["Content-Type"] == "application/json"
    assert response["Content-Disposition"] == 'attachment; filename="syncsite.json"'
    return json.loads(response.getvalue())


def test_has_what_the_person_entered_and_what_became_of_it(
    own_api, user, make_meeting, settle, stranger
):
    connections.connect(user, "sandbox", {})
    meeting = make_meeting("ann@acme.example", notes="Forty seats.")
    make_meeting("bob@acme.example", owner=stranger)
    syncs.request_sync(meeting, by=user)
    settle()
    told = exported(own_api)
    assert told["person"]["email"] == user.email
    assert (told["connection"]["provider"], told["mails"]) == ("sandbox", [])
    (own,) = told["meetings"]
    assert (own["id"], own["notes"]) == (meeting.pk, "Forty seats.")
    assert own["attendees"][0]["email"] == "ann@acme.example"
    assert [one["step"] for one in own["runs"][0]["attempts"]] == [1, 2, 3]
    assert {one["kind"] for one in told["records"]} == {"contact", "meeting", "note", "link"}


def test_has_no_secret(own_api, user, connection):
    Connection.objects.update(credentials=Sealed.seal({"token": "crm-secret"}))
    user.refresh_from_db()
    sealed = Connection.objects.values_list("credentials", flat=True).get()
    told = json.dumps(exported(own_api))
    for secret in ("crm-secret", str(sealed), PASSWORD, user.password, user.token_key):
        assert secret not in told


def test_is_made_in_parts_of_a_few_rows(own_api, make_meeting, monkeypatch, connection):
    monkeypatch.setattr(export, "BATCH", 2)
    made = [make_meeting().pk for _ in range(5)]
    assert [one["id"] for one in exported(own_api)["meetings"]] == made


def test_costs_the_same_statements_for_each_part(
    own_api, user, make_meeting, django_assert_num_queries, settle
):
    connections.connect(user, "sandbox", {})
    for _ in range(3):
        syncs.request_sync(make_meeting("ann@acme.example"), by=user)
        settle()
    own_api.get("/me")
    with django_assert_num_queries(9):
        exported(own_api)


def test_of_somebody_without_anything(own_api):
    told = exported(own_api)
    assert (told["connection"], told["meetings"], told["records"]) == (None, [], [])


def test_has_meetings_that_are_being_removed(own_api, user, connection, meeting, settle):
    syncs.request_sync(meeting, by=user)
    settle()
    own_api.delete(f"/meetings/{meeting.pk}?in_crm=delete")
    assert Meeting.objects.get().removing_since
    assert len(exported(own_api)["meetings"]) == 1


def test_is_told_in_the_language_of_the_person(user, connection, make_meeting, settle):
    user.language = "de"
    user.save()
    syncs.request_sync(make_meeting("ann@acme.example"), by=user)
    settle()
    label = exported(api_of(user))["meetings"][0]["runs"][0]["attempts"][0]["label"]
    assert label == "Speichern der Kontakte"


def test_is_told_in_that_language_whoever_makes_it(user, connection, make_meeting, settle):
    syncs.request_sync(make_meeting("ann@acme.example"), by=user)
    settle()
    response = api_of(user).get("/me/export", headers={"Accept-Language": "de"})
    with translation.override("en"):
        assert "Speichern der Kontakte" in response.getvalue().decode()


def test_has_a_connection_that_was_cut(own_api, user, connection):
    connections.disconnect(connection)
    told = exported(own_api)["connection"]
    assert (told["state"], told["provider"]) == ("disconnected", "sandbox")


def test_is_limited(own_api):
    limit = int(ExportThrottle.rate.partition("/")[0])
    statuses = [own_api.get("/me/export").status_code for _ in range(limit + 1)]
    assert statuses[-2:] == [200, 429]
