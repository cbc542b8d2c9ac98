import pytest

from accounts.addresses import normalize
from accounts.models import User


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
    assert list(response.json()) == ["email"]
    assert User.objects.count() == 1
    login = {"email": twin, "password": "correct horse"}
    assert api.post("/authenticate", login).status_code == 200
