import pytest
import time_machine
from django.core.cache import cache as redis_cache
from django.utils import timezone

from accounts import tokens
from accounts.models import EndedToken
from accounts.tokens import AccessToken
from conftest import api_of

pytestmark = pytest.mark.django_db


def with_token(api, token):
    api.credentials(HTTP_AUTHORIZATION=token)
    return api


def test_are_exchanged_for_new_ones(api, user):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        old = str(AccessToken.for_user(user))
        clock.shift(3600)
        answer = with_token(api, old).post("/token/refresh")
        assert answer.status_code == 200
        assert set(answer.json()) == {"auth_token", "expires_at"}
        clock.shift(23.5 * 3600)
        assert api.get("/me").status_code == 401
        assert with_token(api, answer.json()["auth_token"]).get("/me").status_code == 200


def test_are_not_exchanged_for_what_a_new_password_has_just_revoked(user):
    old = AccessToken.for_user(user)
    user.set_password("another-secret")
    user.save()
    assert tokens.renew(old).key == old.key != user.token_key


def test_tell_a_script_nothing_but_whose_they_are_and_until_when(user):
    claims = AccessToken.for_user(user).payload
    assert set(claims) == {"user_id", "exp", "iat", "jti", "token_type"}


def test_that_have_ended_are_not_exchanged(api):
    assert api.post("/token/refresh").status_code == 401


def test_end_with_their_log_out_and_no_other_does(api, user):
    first, second = (str(AccessToken.for_user(user)) for _ in range(2))
    assert with_token(api, first).get("/me").status_code == 200
    assert api.post("/logout").status_code == 204
    refused = api.get("/me")
    assert (refused.status_code, refused.json()["code"]) == (401, "logged_out")
    assert with_token(api, second).get("/me").status_code == 200
    redis_cache.clear()
    assert with_token(api, first).get("/me").status_code == 401


def test_all_end_when_very_many_have_been_logged_out(user, monkeypatch):
    monkeypatch.setattr(tokens, "MAX_ENDED", 2)
    kept = api_of(user)
    for _ in range(3):
        assert kept.get("/me").status_code == 200
        api_of(user).post("/logout")
    assert kept.get("/me").status_code == 401
    assert not EndedToken.objects.exists()


def test_end_for_polls_as_well(user, meeting):
    own_api = api_of(user)
    assert own_api.get(f"/meetings/{meeting.pk}/sync_status").status_code == 200
    own_api.post("/logout")
    assert own_api.get(f"/meetings/{meeting.pk}/sync_status").status_code == 401


def test_are_kept_as_ended_no_longer_than_they_would_have_lived(user):
    tokens.end(user.pk, AccessToken.for_user(user))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        clock.shift(23 * 3600)
        tokens.forget_expired(timezone.now())
        assert EndedToken.objects.exists()
        clock.shift(2 * 3600)
        tokens.forget_expired(timezone.now())
        assert not EndedToken.objects.exists()
