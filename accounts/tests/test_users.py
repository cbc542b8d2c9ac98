import pytest
from rest_framework.test import APIClient

from accounts.models import User

pytestmark = pytest.mark.django_db


def sign_up(api: APIClient, **changes: object):
    body = {
        "email": "new@example.com",
        "password": "secret",
        "password_confirmation": "secret",
        **changes,
    }
    return api.post("/users", {key: value for key, value in body.items() if value is not None})


def test_answers_with_a_token_that_works(api):
    response = sign_up(api)
    assert response.status_code == 201
    assert set(response.json()) == {"auth_token", "expires_at", "user"}
    api.credentials(HTTP_AUTHORIZATION=response.json()["auth_token"])
    user = response.json()["user"]
    assert set(user) == {"id", "email"}
    assert api.get("/me").json().items() >= user.items()


def test_keeps_the_address_in_lower_case(api):
    assert sign_up(api, email="New@Example.COM").json()["user"]["email"] == "new@example.com"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", None),
        ("email", "nobody"),
        ("email", ""),
        ("email", ["a@example.com"]),
        ("email", "a\x00@example.com"),
        ("email", f"{'a' * 250}@example.com"),
        ("password", None),
        ("password", "short"),
        ("password", {"a": 1}),
        ("password_confirmation", "other secret"),
        ("password_confirmation", None),
    ],
)
def test_names_the_field_that_is_wrong(api, field, value):
    response = sign_up(api, **{field: value})
    assert response.status_code == 400
    assert field in response.json()
    assert not User.objects.exists()


def test_takes_a_password_of_six_characters_with_blanks_as_typed(api):
    assert sign_up(api, password=" 1234 ", password_confirmation=" 1234 ").status_code == 201
    body = {"email": "new@example.com", "password": " 1234 "}
    assert api.post("/authenticate", body).status_code == 200
    assert api.post("/authenticate", {**body, "password": "1234"}).status_code == 401


def test_refuses_an_address_that_is_taken_whatever_its_case(api, user):
    response = sign_up(api, email=user.email.upper())
    assert response.status_code == 400
    text = "A user with this e-mail address already exists."
    assert response.json() == {
        "email": [text],
        "detail": text,
        "code": "invalid",
        "errors": [{"path": "email", "code": "unique", "message": text}],
    }


def test_refuses_the_second_of_two_who_sign_up_at_once(api, monkeypatch, user):
    # Both looked before either wrote.
    monkeypatch.setattr("rest_framework.validators.UniqueValidator.__call__", lambda *_: None)
    response = sign_up(api, email=user.email)
    assert response.status_code == 400
    assert "email" in response.json()


def test_ignores_a_token_that_has_ended(api):
    api.credentials(HTTP_AUTHORIZATION="Bearer old")
    assert sign_up(api).status_code == 201
