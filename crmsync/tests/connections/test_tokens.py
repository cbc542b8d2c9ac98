import time
from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import in_threads
from crmsync import dispatcher
from crmsync.connections import store, tokens
from crmsync.errors import CrmError
from crmsync.fields import Sealed
from crmsync.models import Connection
from crmsync.operations import connections
from crmsync.providers.base import Session
from crmsync.providers.hubspot import HubSpot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def signed_in(user, hubspot):
    hubspot.grants = {"refresh-0"}

    def make(expires_in):
        kept = {"access_token": "access-0", "refresh_token": "refresh-0"}
        sealed = Sealed.seal({**kept, "expires_at": time.time() + expires_in})
        return Connection.objects.create(
            user=user, provider="hubspot", account_id="4711", credentials=sealed
        )

    return make


def test_leaves_a_token_alone_that_lives_long_enough(signed_in, hubspot):
    assert tokens.session_kwargs(signed_in(600))["credentials"]["access_token"] == "access-0"
    assert hubspot.granted == 0


def test_renews_a_token_in_time_and_keeps_what_replaced_the_old_ones(signed_in, hubspot):
    connection = signed_in(290)
    assert tokens.session_kwargs(connection)["credentials"]["access_token"] == "access-1"
    kept = Connection.objects.get().credentials.open()
    assert (kept["access_token"], kept["refresh_token"]) == ("access-1", "refresh-1")
    assert kept["expires_at"] > time.time() + 1700
    assert Connection.objects.get().refreshing_until is None


def test_renews_once_however_many_need_it(signed_in, hubspot):
    signed_in(10)
    calls = [lambda: tokens.session_kwargs(Connection.objects.get())["credentials"]] * 4
    assert [c["access_token"] for c in in_threads(*calls)] == ["access-1"] * 4
    assert hubspot.granted == 1


def test_renews_nothing_that_was_renewed_since_it_looked(signed_in, hubspot):
    early = signed_in(10)
    tokens.session_kwargs(Connection.objects.get())
    assert not store.begin_refresh(early, timezone.now())
    assert tokens.session_kwargs(early)["credentials"]["access_token"] == "access-1"
    assert hubspot.granted == 1


def test_renews_a_token_that_the_crm_refuses_and_goes_on(signed_in, hubspot):
    with Session(**tokens.session_kwargs(signed_in(600))) as session:
        assert HubSpot(session).check().id == "4711"
    assert hubspot.granted == 1


def test_renews_a_refused_token_only_once(signed_in, hubspot, monkeypatch):
    monkeypatch.setattr(type(hubspot), "answer", lambda *_: hubspot.no_entry)
    with (
        Session(**tokens.session_kwargs(signed_in(600))) as session,
        pytest.raises(CrmError) as refused,
    ):
        HubSpot(session).check()
    assert refused.value.code == "connection_expired"
    assert hubspot.granted == 1


def test_says_that_a_dead_grant_needs_its_owner(signed_in, hubspot):
    hubspot.grants = set()
    with pytest.raises(CrmError) as refused:
        tokens.session_kwargs(signed_in(10))
    assert refused.value.code == "connection_expired"
    assert Connection.objects.get().refreshing_until is None


def test_takes_over_from_a_process_that_died_while_it_renewed(signed_in, hubspot):
    connection = signed_in(10)
    Connection.objects.update(refreshing_until=timezone.now())
    assert tokens.session_kwargs(connection)["credentials"]["access_token"] == "access-1"


def test_stores_no_token_of_a_connection_that_was_made_anew(signed_in, hubspot, monkeypatch):
    connection = signed_in(10)
    fetch = tokens.request_token

    def reconnect_meanwhile(*args, **grant):
        kept = Sealed.seal({"token": "pat-new"})
        Connection.objects.update(credentials=kept, connected_at=timezone.now())
        return fetch(*args, **grant)

    monkeypatch.setattr(tokens, "request_token", reconnect_meanwhile)
    tokens.session_kwargs(connection)
    assert Connection.objects.get().credentials.open() == {"token": "pat-new"}


def test_stores_the_token_of_a_connection_that_support_pauses(signed_in, hubspot):
    connection = signed_in(10)
    Connection.objects.update(state=Connection.State.PAUSED)
    tokens.session_kwargs(connection)
    assert Connection.objects.get().credentials.open()["access_token"] == "access-1"


@pytest.fixture
def led_elsewhere(signed_in):
    """As it was read before its owner connected another account."""
    early = signed_in(10)
    other = Sealed.seal({"access_token": "access-other", "refresh_token": "refresh-other"})
    values = {"account_id": "4712", "credentials": other, "connected_at": timezone.now()}
    Connection.objects.update(**values)
    return early


def test_gives_no_token_of_another_account(led_elsewhere, hubspot):
    with pytest.raises(CrmError) as refused:
        tokens.session_kwargs(led_elsewhere)
    assert refused.value.code == "connection_expired"
    assert hubspot.granted == 0


def test_holds_no_connection_for_what_went_wrong_with_the_one_before(led_elsewhere):
    assert connections.check(led_elsewhere).state == Connection.State.CONNECTED


def test_leaves_a_static_token_alone(connection):
    assert "refresh" not in tokens.session_kwargs(connection)


def test_leaves_a_token_alone_where_nobody_signs_in(connection):
    connection.credentials = Sealed.seal({"refresh_token": "r3fresh", "expires_at": 0})
    assert "refresh" not in tokens.session_kwargs(connection)


TOKEN = ("POST", "/oauth/2026-03/token")


@pytest.mark.parametrize(
    "said", ["expired authorization code", "Token request is already being processed"]
)
def test_tries_again_where_another_request_came_first(signed_in, hubspot, said):
    refusal = {"error": "invalid_grant", "error_description": said}
    hubspot.first[TOKEN] = [(400, refusal)]
    connection = signed_in(10)
    with pytest.raises(CrmError) as refused:
        tokens.session_kwargs(connection)
    assert refused.value.code == "crm_unavailable"
    assert tokens.session_kwargs(connection)["credentials"]["access_token"] == "access-1"


@pytest.fixture
def idle(signed_in):
    """A connection that nobody has used for a week."""
    connection = signed_in(600)
    Connection.objects.update(renew_at=timezone.now())
    return connection


def test_renews_a_token_that_nobody_uses(idle, hubspot, settle):
    dispatcher.sweep()
    settle()
    assert hubspot.granted == 1
    idle.refresh_from_db()
    assert idle.renew_at > timezone.now() + timedelta(days=6)
    assert idle.credentials.open()["refresh_token"] == "refresh-1"


def test_renews_it_later_where_the_crm_does_not_answer(idle, hubspot, settle):
    hubspot.first[TOKEN] = [(503, {})]
    dispatcher.sweep()
    settle()
    idle.refresh_from_db()
    assert idle.state == Connection.State.CONNECTED
    assert timezone.now() < idle.renew_at < timezone.now() + timedelta(hours=2)


def test_tells_the_owner_where_the_idle_grant_is_dead(idle, hubspot, settle):
    hubspot.grants = set()
    dispatcher.sweep()
    settle()
    idle.refresh_from_db()
    assert (idle.state, idle.last_error) == ("needs_reauth", "connection_expired")


def test_renews_nothing_of_those_who_have_left(idle, hubspot, settle):
    connections.disconnect(idle)
    dispatcher.sweep()
    settle()
    connections.renew_token(idle.pk)
    assert hubspot.granted == 0
