import pytest

from accounts.tokens import AccessToken

pytestmark = pytest.mark.django_db


def test_lists_and_finds_users(admin_client, user, stranger):
    page = admin_client.get("/admin/accounts/user/?q=ann").content.decode()
    assert user.email in page
    assert stranger.email not in page


def test_adds_a_user_who_can_sign_in(admin_client, api):
    form = {
        "email": "New@example.com",
        "usable_password": "true",
        "password1": "secret",
        "password2": "secret",
    }
    assert admin_client.post("/admin/accounts/user/add/", form).status_code == 302
    body = {"email": "new@example.com", "password": "secret"}
    assert api.post("/authenticate", body).status_code == 200


def test_deactivates_a_user_with_effect_on_the_next_request(admin_client, user, api):
    api.credentials(HTTP_AUTHORIZATION=str(AccessToken.for_user(user)))
    assert api.get("/me").status_code == 200
    response = admin_client.post(f"/admin/accounts/user/{user.pk}/change/", {"email": user.email})
    assert response.status_code == 302
    assert api.get("/me").json()["code"] == "user_inactive"


def test_changes_a_password_with_effect_on_the_next_request(admin_client, user, own_api):
    assert own_api.get("/me").status_code == 200
    form = {"usable_password": "true", "password1": "other one", "password2": "other one"}
    assert admin_client.post(f"/admin/accounts/user/{user.pk}/password/", form).status_code == 302
    assert own_api.get("/me").json()["code"] == "password_changed"


def test_never_shows_a_password_hash(admin_client, user):
    page = admin_client.get(f"/admin/accounts/user/{user.pk}/change/").content.decode()
    assert user.password.split("$")[-1] not in page
