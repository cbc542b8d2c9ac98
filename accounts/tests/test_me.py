import pytest

from accounts.models import User
from accounts.serializers import PersonSerializer

pytestmark = pytest.mark.django_db


def test_tells_who_asks(own_api, user):
    assert own_api.get("/me").json() == {
        "id": user.pk,
        "email": user.email,
        "time_zone": "",
        "language": "",
    }


def test_asks_for_a_token(api):
    response = api.get("/me")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response.json()["code"] == "not_authenticated"


def test_is_kept_by_no_cache(own_api, api, meeting):
    for path in ("/me", f"/meetings/{meeting.pk}", "/connection"):
        assert own_api.get(path)["Cache-Control"] == "no-store"
        assert api.get(path)["Cache-Control"] == "no-store"
    # A browser may keep what it polls, to ask whether it is still so.
    for poll in ("", f"/{meeting.pk}/sync_status", f"/{meeting.pk}/last_sync_success"):
        assert own_api.get(f"/meetings{poll}")["Cache-Control"] == "no-cache, private"


def test_keeps_language_and_time_zone(own_api, user):
    told = own_api.patch("/me", {"time_zone": "Europe/Berlin", "language": "de"})
    assert told.status_code == 200
    assert told.json() == own_api.get("/me").json()
    assert (told.json()["time_zone"], told.json()["language"]) == ("Europe/Berlin", "de")
    own_api.patch("/me", {"time_zone": ""})
    assert own_api.get("/me").json()["time_zone"] == ""


@pytest.mark.parametrize(
    "change", [{"time_zone": "Berlin"}, {"time_zone": "../etc/passwd"}, {"language": "fr"}]
)
def test_refuses_what_it_does_not_know(own_api, change):
    refused = own_api.patch("/me", change)
    assert refused.status_code == 400
    assert [problem["path"] for problem in refused.json()["errors"]] == [*change]


def test_answers_in_the_language_of_the_person(own_api, user):
    own_api.patch("/me", {"language": "de"})
    refused = own_api.post("/meetings", {}, headers={"Accept-Language": "en"})
    assert refused.json()["title"] == ["Dieses Feld ist erforderlich."]
    assert refused["Content-Language"] == "de"


def test_writes_nothing_but_what_was_asked_for(own_api, user, monkeypatch):
    """A password that is changed meanwhile stays changed."""
    update = PersonSerializer.update

    def update_late(self, instance, validated_data):
        changed = User.objects.get(pk=user.pk)
        changed.set_password("battery staple")
        changed.save()
        return update(self, instance, validated_data)

    monkeypatch.setattr(PersonSerializer, "update", update_late)
    own_api.patch("/me", {"language": "de"})
    user.refresh_from_db()
    assert user.check_password("battery staple")
    assert user.language == "de"
