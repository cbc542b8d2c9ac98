import pytest

pytestmark = pytest.mark.django_db


def test_tells_who_asks(own_api, user):
    assert own_api.get("/me").json() == {"id": user.pk, "email": user.email}


def test_asks_for_a_token(api):
    response = api.get("/me")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response.json()["code"] == "not_authenticated"


def test_is_kept_by_no_cache(own_api, api, meeting):
    for path in ("/me", "/meetings", f"/meetings/{meeting.pk}", "/connection"):
        assert own_api.get(path)["Cache-Control"] == "no-store"
        assert api.get(path)["Cache-Control"] == "no-store"
    for poll in ("sync_status", "last_sync_success"):
        assert own_api.get(f"/meetings/{meeting.pk}/{poll}")["Cache-Control"] == "no-store"
