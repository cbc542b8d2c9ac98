"""What a request names and this service does not know is refused, not ignored."""

import pytest

from crmsync.operations import syncs

pytestmark = pytest.mark.django_db

MEETING = {
    "title": "Lunch",
    "starts_at": "2026-05-04T12:00:00Z",
    "ends_at": "2026-05-04T13:00:00Z",
}


def problems(response):
    assert response.status_code == 400
    told = response.json()
    assert told["code"] == "invalid"
    assert told["detail"] == told["errors"][0]["message"]
    return {(problem["path"], problem["code"]) for problem in told["errors"]}


def test_names_all_that_is_wrong_at_once_with_paths(own_api):
    body = {
        "starts_at": "2026-05-04T12:00",
        "ends_at": "x",
        "colour": "red",
        "attendees": [{"email": "ann@acme.example"}, {"email": "no", "age": 7}],
    }
    refused = own_api.post("/meetings", body)
    assert problems(refused) == {
        ("colour", "unknown"),
        ("title", "required"),
        ("starts_at", "no_offset"),
        ("ends_at", "invalid"),
        ("attendees[1].age", "unknown"),
        ("attendees[1].email", "invalid"),
    }
    assert refused.json()["title"] == ["This field is required."]


def test_names_an_attendee_who_is_there_twice(own_api):
    people = [{"email": "a@acme.example"}, {"email": "b@acme.example"}, {"email": "A@acme.example"}]
    refused = own_api.post("/meetings", {**MEETING, "attendees": people})
    assert problems(refused) == {("attendees[2].email", "duplicate")}


def test_takes_back_what_it_gave(own_api, meeting):
    told = own_api.get(f"/meetings/{meeting.pk}").json()
    assert own_api.patch(f"/meetings/{meeting.pk}", told).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/users", {"email": "x@example.com", "name": "X"}),
        ("post", "/authenticate", {"email": "x@example.com", "password": "x", "otp": "1"}),
        ("patch", "/me", {"colour": "red"}),
        ("put", "/connection", {"provider": "sandbox", "credentials": {}, "colour": "red"}),
        ("post", "/connection/complete", {"code": "x", "colour": "red"}),
    ],
)
def test_knows_the_fields_of_every_body(own_api, method, path, body):
    codes = {code for _, code in problems(getattr(own_api, method)(path, body))}
    assert "unknown" in codes


@pytest.mark.parametrize(
    "path", ["/meetings?colour=red", "/me?colour=red", "/connection?colour=red", "/me?page=1"]
)
def test_knows_the_parameters_of_every_address(own_api, path):
    assert {code for _, code in problems(own_api.get(path))} == {"unknown"}


def test_knows_the_same_of_a_head(own_api, meeting):
    assert own_api.head("/meetings?page=1").status_code == 200
    assert own_api.head(f"/meetings/{meeting.pk}/sync?tz=UTC").status_code == 200
    assert own_api.head("/meetings?colour=red").status_code == 400


def test_takes_a_parameter_once(own_api):
    assert problems(own_api.get("/meetings?page=1&page=2")) == {("page", "repeated")}


@pytest.mark.parametrize("query", ["state=failed,queued", "state=failed&state=queued"])
def test_lists_several_states_together(own_api, make_meeting, connection, settle, query):
    syncs.request_sync(make_meeting("rejected@sandbox.invalid"), by=None)
    settle()
    syncs.request_sync(make_meeting(), by=None)
    make_meeting()
    rows = own_api.get(f"/meetings?{query}").json()["results"]
    assert {row["sync_state"] for row in rows} == {"failed", "queued"}


def test_shows_a_page_that_was_emptied_as_empty(own_api, meeting):
    page = own_api.get("/meetings?page=7").json()
    assert (page["results"], page["count"], page["next"]) == ([], 1, None)
    assert page["previous"].endswith("/meetings")


class TestEdits:
    @pytest.fixture
    def path(self, meeting):
        return f"/meetings/{meeting.pk}"

    def test_of_what_nobody_else_changed_are_made(self, own_api, path):
        etag = own_api.get(path)["ETag"]
        answer = own_api.patch(path, {"title": "Moved"}, headers={"If-Match": etag})
        assert answer.status_code == 200
        assert answer["ETag"] != etag
        assert answer["ETag"] == own_api.get(path)["ETag"]

    def test_of_what_somebody_changed_meanwhile_are_refused(self, own_api, path):
        etag = own_api.get(path)["ETag"]
        own_api.patch(path, {"attendees": []})
        refused = own_api.patch(path, {"title": "Moved"}, headers={"If-Match": etag})
        assert (refused.status_code, refused.json()["code"]) == (412, "outdated")
        assert own_api.delete(path, headers={"If-Match": etag}).status_code == 412
        assert own_api.get(path).json()["title"] == "Kick-off"

    def test_do_not_mind_a_sync(self, own_api, path, connection, settle):
        etag = own_api.get(path)["ETag"]
        own_api.post(f"{path}/sync")
        settle()
        answer = own_api.patch(path, {"title": "Moved"}, headers={"If-Match": etag})
        assert answer.status_code == 200

    def test_without_a_condition_are_made(self, own_api, path):
        assert own_api.patch(path, {"title": "Moved"}).status_code == 200
        assert own_api.delete(path, headers={"If-Match": "*"}).status_code == 204
