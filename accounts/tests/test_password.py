import pytest
from rest_framework.exceptions import ValidationError

from accounts.models import User
from accounts.serializers import ChangePasswordSerializer
from conftest import PASSWORD, api_of

pytestmark = pytest.mark.django_db

NEW = {"current_password": PASSWORD, "password": "new one", "password_confirmation": "new one"}


def test_changes_the_password_and_ends_every_older_token(own_api, user):
    other_device = api_of(user)
    assert other_device.get("/me").status_code == 200
    response = own_api.post("/me/password", NEW)
    assert response.status_code == 200
    for api in (own_api, other_device):
        assert api.get("/me").json()["code"] == "password_changed"
    own_api.credentials(HTTP_AUTHORIZATION=response.json()["auth_token"])
    assert own_api.get("/me").status_code == 200
    assert User.objects.get().check_password("new one")


def test_is_changed_once_by_two_who_know_the_same_current_one(user):
    first, second = (ChangePasswordSerializer(user, data=NEW) for _ in range(2))
    assert first.is_valid()
    assert second.is_valid()
    first.save()
    with pytest.raises(ValidationError):
        second.save()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"current_password": "wrong"}, "current_password"),
        ({"password": "short", "password_confirmation": "short"}, "password"),
        ({"password_confirmation": "other"}, "password_confirmation"),
        ({"password": None}, "password"),
    ],
)
def test_names_the_field_that_is_wrong_and_changes_nothing(own_api, changes, field):
    response = own_api.post("/me/password", {**NEW, **changes})
    assert response.status_code == 400
    assert field in response.json()
    assert own_api.get("/me").status_code == 200
