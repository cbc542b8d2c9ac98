import json

import pytest

from meetings.models import Meeting
from meetings.tests.test_meetings import BODY

pytestmark = pytest.mark.django_db

WRONG = {
    "no title": ("title", None),
    "an empty title": ("title", " "),
    "a title of 10,000 characters": ("title", "x" * 10_000),
    "a title with a null byte": ("title", "a\x00b"),
    "a title with half a character": ("title", "\ud800"),
    "a title that is a list": ("title", ["Kick-off"]),
    "notes of 200,000 characters": ("notes", "x" * 200_000),
    "a time in words": ("starts_at", "tomorrow"),
    "a time that is a number": ("starts_at", 12),
    "a time without an offset": ("starts_at", "2026-05-04T12:00"),
    "a time without an offset, with seconds": ("ends_at", "2026-05-04T13:00:00.5"),
    "a day": ("starts_at", "2026-05-04"),
    "a time in the year 1": ("starts_at", "0001-01-01T00:00:00Z"),
    "a time before the year 1": ("starts_at", "0001-01-01T00:00:00+14:00"),
    "a time in the year 9999": ("ends_at", "9999-12-31T23:59:59Z"),
    "a time after the year 9999": ("ends_at", "9999-12-31T23:59:59-12:00"),
    "an end before the start": ("ends_at", "2026-05-04T11:00:00Z"),
    "an end at the start": ("ends_at", "2026-05-04T12:00:00Z"),
    "attendees that are a word": ("attendees", "ann@acme.example"),
    "an attendee without an address": ("attendees", [{"name": "Ann"}]),
    "an attendee with half an address": ("attendees", [{"email": "ann"}]),
    "the same attendee twice": (
        "attendees",
        [{"email": "a@acme.example"}, {"email": "A@acme.example"}],
    ),
    "an attendee whose address grows in lower case": (
        "attendees",
        [{"email": f"a@{'İ' * 60}.{'İ' * 60}.{'İ' * 60}.{'İ' * 50}.example"}],
    ),
    "the same attendee twice, once with an invisible character": (
        "attendees",
        [{"email": "a@acme.example"}, {"email": "a@acme.example\u200b"}],
    ),
    "the same attendee twice, once in wide letters": (
        "attendees",
        [{"email": "a@acme.example"}, {"email": "a@\uff41cme.example"}],
    ),
    "an attendee with a blank in the address": ("attendees", [{"email": "a b@acme.example"}]),
    "an attendee whose host no name server knows": ("attendees", [{"email": "a@-\u2028.example"}]),
    "a thousand attendees": ("attendees", [{"email": f"a{n}@x.example"} for n in range(1000)]),
}


@pytest.mark.parametrize(("field", "value"), WRONG.values(), ids=WRONG)
def test_names_the_field_and_stores_nothing(own_api, field, value):
    body = {key: v for key, v in {**BODY, field: value}.items() if v is not None}
    response = own_api.post("/meetings", json.dumps(body), content_type="application/json")
    assert response.status_code == 400
    assert field in response.json()
    assert not Meeting.objects.exists()


@pytest.mark.parametrize("body", ["{", "[]", "7", '"x"', "NaN", "\xff", "[" * 100_000, "9" * 5000])
def test_refuses_what_is_not_a_json_object(own_api, body):
    response = own_api.post("/meetings", body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()


@pytest.mark.parametrize(
    "path",
    [
        "/meetings/abc",
        "/meetings/abc/sync_status",
        "/meetings/0/sync_status",
        "/meetings/-1/sync_status",
        "/meetings/1.5/last_sync_success",
        f"/meetings/{'9' * 30}/sync_status",
        f"/meetings/{'9' * 30}/sync",
        f"/meetings/{'9' * 5000}/sync_status",
        "/meetings/%00/sync_status",
        "/meetings?page=0",
        "/meetings?page=x",
    ],
)
def test_knows_no_such_meeting_or_page(own_api, path):
    response = own_api.get(path)
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


MANY_WORDS = "+".join(f"w{n}" for n in range(900))


@pytest.mark.parametrize(
    "query", ["state=x", "state=", "state=%00", "search=%00", f"search={MANY_WORDS}"]
)
def test_refuses_an_unknown_filter(own_api, query):
    assert own_api.get(f"/meetings?{query}").status_code == 400


@pytest.mark.parametrize("attendee", [{}, {"name": "Ann"}])
def test_a_change_needs_the_address_of_every_attendee(own_api, meeting, attendee):
    response = own_api.patch(f"/meetings/{meeting.pk}", {"attendees": [attendee]})
    assert response.status_code == 400
    assert "email" in str(response.json()["attendees"])


def test_a_change_that_turns_the_times_around_is_refused(own_api, meeting):
    response = own_api.patch(f"/meetings/{meeting.pk}", {"ends_at": "2000-01-01T00:00:00Z"})
    assert response.status_code == 400
    assert "ends_at" in response.json()
