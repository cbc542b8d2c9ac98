import time

import jwt
import pytest
from django.conf import settings
from django_redis import get_redis_connection

from accounts.cache import users
from accounts.models import User
from accounts.tokens import AccessToken
from conftest import PASSWORD, api_of

pytestmark = pytest.mark.django_db


def status_with(api, header):
    return api.get("/me", HTTP_AUTHORIZATION=header).status_code


def test_takes_the_token_bare_or_as_bearer(api, user):
    token = AccessToken.for_user(user)
    assert status_with(api, f"{token}") == 200
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert status_with(api, f"{scheme} {token}") == 200


@pytest.mark.parametrize(
    "header", ["", " ", "Bearer", "Bearer a b", "Basic eDp5", "x.y.z", "Bearer \xff", "null"]
)
def test_refuses_anything_else(api, header):
    assert status_with(api, header) == 401


@pytest.mark.parametrize("claims", [{}, {"user_id": "x"}, {"user_id": None}, {"user_id": "9" * 30}])
def test_refuses_a_signed_token_of_nobody(api, claims):
    body = {"token_type": "access", "exp": 4_000_000_000, "jti": "1", **claims}
    token = jwt.encode(body, settings.SECRET_KEY, algorithm="HS256")
    assert status_with(api, token) == 401


def signed(user, key, **claims):
    return jwt.encode({**AccessToken.for_user(user).payload, **claims}, key, algorithm="HS256")


def test_takes_a_token_of_a_host_whose_clock_is_ahead(api, user):
    moment = int(time.time())
    assert status_with(api, signed(user, settings.SECRET_KEY, iat=moment + 3)) == 200
    assert status_with(api, signed(user, settings.SECRET_KEY, iat=moment + 60)) == 401


def test_takes_a_token_that_an_earlier_key_signed(api, user, settings):
    older, unknown = "o" * 50, "u" * 50
    assert status_with(api, signed(user, older)) == 401
    settings.SECRET_KEY_FALLBACKS = ["x" * 50, older]
    assert status_with(api, signed(user, older)) == 200
    assert status_with(api, signed(user, older, exp=int(time.time()) - 60)) == 401
    assert status_with(api, signed(user, unknown)) == 401


def test_survives_a_new_hash_of_the_same_password(own_api, api, user, settings):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    before = user.password
    login = {"email": user.email, "password": PASSWORD}
    assert api.post("/authenticate", login).status_code == 200
    user.refresh_from_db()
    assert user.password != before
    assert own_api.get("/me").status_code == 200


def test_refuses_a_token_without_a_signature(api, user):
    claims = AccessToken.for_user(user).payload
    assert status_with(api, jwt.encode(claims, None, algorithm="none")) == 401


def test_asks_the_database_once_and_then_redis(own_api, django_assert_num_queries):
    with django_assert_num_queries(1):
        own_api.get("/me")
    with django_assert_num_queries(0):
        assert own_api.get("/me").status_code == 200


def test_keeps_no_password_hash_in_redis(own_api, user):
    own_api.get("/me")
    redis = get_redis_connection("default")
    kept = b" ".join(redis.get(key) for key in redis.scan_iter())
    assert user.email.encode() in kept
    assert user.password.encode() not in kept


def deactivate(user):
    user.is_active = False
    user.save()


CHANGES = {
    "deactivated": deactivate,
    "deactivated in bulk": lambda user: User.objects.update(is_active=False),
    "deleted": lambda user: user.delete(),
    "deleted in bulk": lambda user: User.objects.all().delete(),
    "given a new password": lambda user: (user.set_password("another"), user.save()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_refuses_on_the_very_next_request_a_user_who_was(own_api, user, change):
    assert own_api.get("/me").status_code == 200
    change(user)
    assert own_api.get("/me").status_code == 401


def test_does_not_believe_a_reader_who_was_slow_to_store(own_api, user, monkeypatch):
    # The reader looked up the user before the change and stores the copy after it.
    stored = []
    monkeypatch.setattr("accounts.cache.users.store", stored.append)
    own_api.get("/me")
    monkeypatch.undo()
    deactivate(user)
    users.store(stored[0])
    assert own_api.get("/me").status_code == 401


def test_answers_the_same_without_redis(own_api, user, unreachable_redis):
    assert own_api.get("/me").json()["email"] == user.email
    deactivate(user)
    assert own_api.get("/me").status_code == 401


def test_tells_two_users_apart(own_api, user, stranger):
    own_api.get("/me")
    assert api_of(stranger).get("/me").json()["email"] == stranger.email
