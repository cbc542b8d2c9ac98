import pytest

pytestmark = pytest.mark.django_db


def test_tells_who_asks(own_api, user):
    assert own_api.get("/me").json() == {"id": user.pk, "email": user.email}


def test_asks_for_a_token(api):
    response = api.get("/me")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response.json()["code"] == "not_authenticated"
