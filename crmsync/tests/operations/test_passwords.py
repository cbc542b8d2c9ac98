"""After a reset nothing gets to the CRM, whatever was under way meanwhile."""

import pytest

from accounts import password_reset
from accounts.models import User
from conftest import PASSWORD, api_of, in_threads
from crmsync.errors import CrmError
from crmsync.models import Connection, PasswordMail
from crmsync.operations import connections, passwords
from crmsync.providers import PROVIDERS

pytestmark = pytest.mark.django_db
UNCONFIRMED = ("needs_reauth", "connection_unconfirmed")


def reset(user):
    passwords.reset(password_reset.make_token(User.objects.get(pk=user.pk)), "another secret")


def standing():
    return Connection.objects.values_list("state", "last_error").get()


@pytest.fixture
def while_the_crm_is_asked(monkeypatch):
    """Does something before the CRM answers, once; the CRM may refuse then."""

    def while_asked(act, refusal=None):
        check = PROVIDERS["sandbox"].check

        def meanwhile(provider):
            monkeypatch.undo()
            act()
            if refusal:
                raise refusal
            return check(provider)

        monkeypatch.setattr(PROVIDERS["sandbox"], "check", meanwhile)

    return while_asked


@pytest.mark.parametrize("refusal", [None, CrmError("connection_expired"), CrmError("crm_timeout")])
@pytest.mark.parametrize("method", ["post", "patch"])
def test_a_check_under_way_confirms_nothing(
    user, connection, while_the_crm_is_asked, method, refusal
):
    api = api_of(user)
    while_the_crm_is_asked(lambda: reset(user), refusal)
    if method == "post":
        api.post("/connection/check")
    else:
        api.patch("/connection", {"options": {"create_people": "nobody"}})
    assert standing() == UNCONFIRMED
    connections.pause(connection.pk)
    connections.resume(connection.pk)
    connections.check(Connection.objects.get())
    assert standing()[0] == "needs_reauth"


@pytest.mark.parametrize("is_connected", [True, False])
def test_connecting_that_is_under_way_is_refused(user, while_the_crm_is_asked, is_connected):
    if is_connected:
        connections.connect(user, "sandbox", {})
    api = api_of(user)
    while_the_crm_is_asked(lambda: reset(user))
    answer = api.put("/connection", {"provider": "sandbox", "credentials": {}})
    assert (answer.status_code, answer.json()["code"]) == (401, "password_changed")
    assert [one.state for one in Connection.objects.all()] == ["needs_reauth"] * is_connected


@pytest.mark.django_db(transaction=True)
def test_one_mail_is_for_many_requests_at_the_same_time():
    for number in range(5):
        email = f"ann-{number}@example.com"
        in_threads(*[lambda email=email: passwords.request_mail(email)] * 4)
    assert PasswordMail.objects.count() == 5


def test_a_new_hash_of_the_old_password_does_not_bring_it_back(user, settings):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    signing_in = User.objects.get(pk=user.pk)
    reset(user)
    assert signing_in.check_password(PASSWORD)
    assert not User.objects.get(pk=user.pk).check_password(PASSWORD)
