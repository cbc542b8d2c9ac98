"""What made a newcomer to the API stumble."""

import pytest

from conftest import PASSWORD

pytestmark = pytest.mark.django_db


def test_a_log_in_with_a_field_too_many_is_told(api):
    answer = api.post("/authenticate", {"current_password": "x", "email": "a@example.com"})
    paths = [one["path"] for one in answer.json()["errors"]]
    assert (answer.status_code, paths) == (400, ["current_password", "password"])


def test_malformed_log_ins_keep_nobody_else_out(api, own_api, user):
    for _ in range(12):
        assert api.post("/authenticate", {}).status_code == 400
    assert own_api.delete("/me", {}).status_code == 400
    answer = api.post("/authenticate", {"email": user.email, "password": PASSWORD})
    assert answer.status_code == 200


@pytest.mark.parametrize("tag", ["abc", "garbage,", "W/", '"'])
def test_an_if_match_without_quotes_protects_nothing_and_is_refused(own_api, meeting, tag):
    answer = own_api.patch(f"/meetings/{meeting.pk}", {"title": "X"}, headers={"If-Match": tag})
    assert answer.status_code in {400, 412}
    meeting.refresh_from_db()
    assert meeting.title != "X"


def test_a_connection_may_be_sent_back_as_it_came(own_api, connection):
    told = own_api.get("/connection").json()
    assert own_api.patch("/connection", told).status_code == 200
    assert own_api.put("/connection", {**told, "credentials": {}}).status_code == 200
    refused = own_api.patch("/connection", {**told, "colour": "blue"})
    assert [one["path"] for one in refused.json()["errors"]] == ["colour"]


def test_a_row_of_a_list_may_be_sent_back_as_it_came(own_api, meeting, connection):
    (row,) = own_api.get("/meetings?expand=sync").json()["results"]
    assert own_api.patch(f"/meetings/{meeting.pk}", row).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("post", "/authenticate", {"data": {"email": "a@example.com", "password": "x"}}),
        ("get", "/nope", {}),
        ("get", "/me", {"HTTP_AUTHORIZATION": "Bearer a b c"}),
        ("get", "/me", {"HTTP_AUTHORIZATION": "abc"}),
    ],
)
def test_refusals_are_in_one_language_and_one_shape(api, method, path, options):
    german = getattr(api, method)(path, **options, HTTP_ACCEPT_LANGUAGE="de").json()
    english = getattr(api, method)(path, **options, HTTP_ACCEPT_LANGUAGE="en").json()
    assert set(german) == set(english) == {"detail", "code"}
    assert german["detail"] != english["detail"]


def test_broken_json_is_told_in_the_language_of_the_request(api):
    answer = api.generic(
        "POST", "/users", "{bad", content_type="application/json", HTTP_ACCEPT_LANGUAGE="de"
    )
    assert answer.json() == {"detail": "Das ist kein gültiges JSON.", "code": "parse_error"}
