from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from conftest import PASSWORD

pytestmark = pytest.mark.django_db


def authenticate(api, email="ann@example.com", password=PASSWORD):
    return api.post("/authenticate", {"email": email, "password": password})


def test_answers_with_a_token_for_24_hours(api, user):
    response = authenticate(api)
    assert response.status_code == 200
    assert set(response.json()) == {"auth_token", "expires_at"}
    ends = datetime.fromisoformat(response.json()["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=24) - timedelta(minutes=1) < ends <= timedelta(hours=24)


def test_takes_the_address_in_any_case(api, user):
    assert authenticate(api, email="ANN@example.com").status_code == 200


def test_refuses_the_token_after_24_hours(api, user):
    api.credentials(HTTP_AUTHORIZATION=authenticate(api).json()["auth_token"])
    assert api.get("/me").status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=24, seconds=1)):
        response = api.get("/me")
    assert response.status_code == 401
    assert response.json()["code"] == "token_not_valid"


def test_says_the_same_of_an_unknown_address_and_of_a_wrong_password(api, user):
    unknown, wrong = authenticate(api, email="x@example.com"), authenticate(api, password="wrong")
    assert unknown.status_code == wrong.status_code == 401
    assert unknown.json() == wrong.json()
    assert wrong["WWW-Authenticate"] == "Bearer"


def test_hashes_a_password_for_an_unknown_address_too(api, user, monkeypatch):
    hashed = []
    monkeypatch.setattr(
        "django.contrib.auth.hashers.MD5PasswordHasher.encode",
        lambda self, password, salt: hashed.append(password) or "md5$x$y",
    )
    authenticate(api, email="x@example.com", password="guess")
    assert hashed == ["guess"]


def test_refuses_an_inactive_user(api, user):
    user.is_active = False
    user.save()
    assert authenticate(api).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "text",
        {"email": "ann@example.com"},
        {"email": {}, "password": []},
        {"email": "\x00"},
    ],
)
def test_refuses_what_is_not_an_address_and_a_password(api, body):
    response = api.post("/authenticate", body)
    assert response.status_code == 400
    assert response.json()


def test_refuses_half_a_character(api):
    body = r'{"email": "\ud800", "password": "x"}'
    assert api.post("/authenticate", body, content_type="application/json").status_code == 400


def test_refuses_malformed_json(api):
    response = api.post("/authenticate", "{", content_type="application/json")
    assert response.status_code == 400
    assert response.json()["code"] == "parse_error"


def test_refuses_other_formats(api):
    assert api.post("/authenticate", "a=b", content_type="text/plain").status_code == 415


def test_is_not_put_off_by_an_old_token_in_the_header(api, user):
    api.credentials(HTTP_AUTHORIZATION="old")
    assert authenticate(api).status_code == 200
