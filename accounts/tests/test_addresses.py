from importlib import import_module

import pytest
from django.apps import apps
from django.db import models
from django.db.models import Value

from accounts.addresses import normalize
from accounts.models import User
from meetings.models import Attendee


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ann@Acme.Example", "ann@acme.example"),
        ("ann@acme.example\u200b", "ann@acme.example"),
        ("\ufeffann@acme.example", "ann@acme.example"),
        ("a\u00adnn@acme.example", "ann@acme.example"),
        ("ann@\uff41cme.example", "ann@acme.example"),
        ("\uff41nn\uff20acme.example", "ann@acme.example"),
        ("ann@Bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@bu\u0308cher.example", "ann@xn--bcher-kva.example"),
        ("ann@acme\u3002example", "ann@acme.example"),
        ("ann", "ann"),
        ("", ""),
        ("ann@-.example", "ann@-.example"),
    ],
)
def test_has_one_spelling(typed, kept):
    assert normalize(typed) == kept


@pytest.mark.django_db
@pytest.mark.parametrize(
    "twin", ["ann@example.com\u200b", "ann@\uff45xample.com", "ANN@example.com"]
)
def test_one_address_is_one_account(api, user, twin):
    body = {"email": twin, "password": "battery staple", "password_confirmation": "battery staple"}
    response = api.post("/users", body)
    assert response.status_code == 400
    assert [problem["path"] for problem in response.json()["errors"]] == ["email"]
    assert User.objects.count() == 1
    login = {"email": twin, "password": "correct horse"}
    assert api.post("/authenticate", login).status_code == 200


def stored(user, email):
    """As a version before stored it: in lower case, and no more."""
    models.QuerySet.update(User.objects.filter(pk=user.pk), email=Value(email))


@pytest.mark.django_db
def test_of_people_from_before_get_the_one_spelling(user, stranger):
    stored(user, "ann@bücher.example")
    stored(stranger, "stranger@xn--bcher-kva.example")
    import_module("accounts.migrations.0005_one_spelling").respell(apps, None)
    emails = set(User.objects.values_list("email", flat=True))
    assert emails == {"ann@xn--bcher-kva.example", "stranger@xn--bcher-kva.example"}


@pytest.mark.django_db
def test_of_attendees_from_before_get_the_one_spelling(make_meeting):
    meeting = make_meeting("ann@acme.example", "bob@xn--bcher-kva.example")
    twin = meeting.attendees.create(email="x@acme.example", name="Twin")
    late = meeting.attendees.create(email="y@acme.example", name="Late")
    Attendee.objects.filter(pk=twin.pk).update(email=Value("bob@bücher.example"))
    Attendee.objects.filter(pk=late.pk).update(email=Value("eve@bücher.example"))
    import_module("meetings.migrations.0006_one_spelling").respell(apps, None)
    emails = list(meeting.attendees.values_list("email", flat=True))
    assert emails == ["ann@acme.example", "bob@xn--bcher-kva.example", "eve@xn--bcher-kva.example"]
