"""A new password for people who have forgotten theirs."""

import re
from datetime import timedelta
from functools import partial
from html import unescape
from smtplib import SMTPException

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from conftest import PASSWORD, api_of, in_threads, work_hints
from crmsync import dispatcher
from crmsync.models import Connection, PasswordMail, SyncRun
from crmsync.operations import connections, passwords, people, syncs
from crmsync.support.password_delivery import CONSOLE

pytestmark = pytest.mark.django_db
NEW = "another secret"


@pytest.fixture(autouse=True)
def _address(settings):
    settings.PUBLIC_URL = "https://api.example.com"


def ask(api, email, **headers):
    return api.post("/password/reset", {"email": email}, headers=headers)


def deliver():
    """What the dispatcher and a worker do; returns the mails."""
    dispatcher.send_background_hints(timezone.now())
    work_hints()
    return mail.outbox


def token_for(api, user):
    ask(api, user.email)
    return re.search(r"/password/new\?token=(\S+)", deliver()[-1].body)[1]


def confirm(api, token, password=NEW, confirmation=None):
    chosen = {"password": password, "password_confirmation": confirmation or password}
    return api.post("/password/reset/confirm", {"token": token, **chosen})


def sign_in(api, user, password):
    return api.post("/authenticate", {"email": user.email, "password": password}).status_code


def test_are_chosen_with_the_link_of_a_mail(api, user):
    before = api_of(user)
    answer = confirm(api, token_for(api, user))
    assert (answer.status_code, set(answer.json())) == (200, {"auth_token", "expires_at"})
    assert before.get("/me").status_code == 401
    api.credentials(HTTP_AUTHORIZATION=answer.json()["auth_token"])
    assert api.get("/me").json()["email"] == user.email
    assert [sign_in(api, user, one) for one in (PASSWORD, NEW)] == [401, 200]


def test_are_chosen_though_another_device_has_signed_in_since(api, user):
    token = token_for(api, user)
    assert sign_in(api, user, PASSWORD) == 200
    assert confirm(api, token).status_code == 200


def test_are_asked_for_alike_whoever_has_the_address(api, user):
    answers = [ask(api, email) for email in (user.email.upper(), "nobody@example.com")]
    assert {(one.status_code, one.content) for one in answers} == {(202, answers[0].content)}
    assert [sent.to for sent in deliver()] == [[user.email]]
    assert not PasswordMail.objects.undelivered().exists()


def test_come_with_one_mail_however_often_they_are_asked_for(api, user):
    for _ in range(3):
        ask(api, user.email)
        deliver()
    assert len(mail.outbox) == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        ask(api, user.email)
        assert len(deliver()) == 2


def test_are_chosen_once(api, user):
    token = token_for(api, user)
    statuses = [confirm(api, token, f"{NEW} {n}").status_code for n in range(2)]
    assert statuses == [200, 400]
    refused = confirm(api, token, "abc", "abd").json()
    assert {one["path"] for one in refused["errors"]} == {"token", "password"}


@pytest.mark.django_db(transaction=True)
def test_are_chosen_once_by_many_at_the_same_time(api, user):
    token = token_for(api, user)
    chosen = []

    def choose(number):
        try:
            passwords.reset(token, f"{NEW} {number}")
        except passwords.UnknownTokenError:
            return
        chosen.append(number)

    in_threads(*(partial(choose, number) for number in range(4)))
    assert len(chosen) == 1


def test_are_chosen_within_an_hour(api, user):
    token = token_for(api, user)
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert confirm(api, token).status_code == 400


@pytest.mark.parametrize("token", ["", "x", "1.x", "²." + "x" * 30, f"{10**30}.x", "1", "."])
def test_are_not_chosen_with_a_token_of_ones_own(api, user, token):
    answer = confirm(api, token)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "token")


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!unusable"}])
def test_are_not_for_people_who_do_not_sign_in_with_one(api, user, change):
    token = token_for(api, user)
    type(user).objects.filter(pk=user.pk).update(**change)
    assert confirm(api, token).status_code == 400
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        ask(api, user.email)
        assert len(deliver()) == 1


def test_do_not_follow_from_an_address_that_is_none(api):
    assert ask(api, "ann").json()["errors"][0]["path"] == "email"


def test_are_limited_in_guessing_and_in_asking(api, user):
    statuses = [ask(api, user.email).status_code for _ in range(12)]
    assert statuses[9:] == [202, 429, 429]


def test_have_the_crm_connection_confirmed(api, user, connection, meeting, settle):
    token = token_for(api, user)
    syncs.request_sync(meeting, by=user)
    answer = confirm(api, token).json()
    api.credentials(HTTP_AUTHORIZATION=answer["auth_token"])
    told = api.get("/connection").json()
    assert (told["state"], told["last_error"]) == ("needs_reauth", "connection_unconfirmed")
    assert told["error"]["title"] == "Please confirm your connection to Sandbox"
    settle()
    document = api.get(f"/meetings/{meeting.pk}/sync").json()
    assert (document["state"], document["actions"][0]["name"]) == ("paused", "reconnect")
    api.post("/connection/check")
    assert api.get("/connection").json()["state"] == "needs_reauth"
    api.put("/connection", {"provider": "sandbox", "credentials": {}})
    settle()
    assert SyncRun.objects.get().status == SyncRun.Status.SUCCEEDED


def test_have_a_connection_confirmed_that_support_had_paused(api, user, connection):
    connections.pause(connection.pk)
    confirm(api, token_for(api, user))
    connections.resume(connection.pk)
    assert Connection.objects.get().state == Connection.State.NEEDS_REAUTH


def test_leave_a_connection_that_there_is_none_of(api, user, connection):
    connections.disconnect(connection)
    assert confirm(api, token_for(api, user)).status_code == 200
    assert Connection.objects.get().state == Connection.State.DISCONNECTED


def test_come_with_a_mail_in_the_language_of_the_person(api, user):
    ask(api, user.email, **{"Accept-Language": "de"})
    assert deliver()[0].subject == "Neues Passwort wählen"


def test_come_with_a_mail_that_is_tried_again(api, user, monkeypatch):
    def refuse(*_):
        raise SMTPException

    ask(api, user.email)
    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    deliver()
    assert PasswordMail.objects.get().last_error == "The mail server refused: SMTPException"
    monkeypatch.undo()
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        assert len(deliver()) == 1


def test_never_have_their_link_in_the_log_of_a_service_for_others(api, user, settings, capsys):
    settings.EMAIL_BACKEND = CONSOLE
    ask(api, user.email)
    settings.IS_LOCAL = False
    deliver()
    assert "/password/new" not in capsys.readouterr().out
    assert PasswordMail.objects.get().last_error == "EMAIL_URL is not set"
    settings.IS_LOCAL = True
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        deliver()
    assert "/password/new" in capsys.readouterr().out


def test_leave_nothing_behind(api, user):
    ask(api, user.email)
    people.delete_person(user)
    assert not PasswordMail.objects.exists()
    assert deliver() == []


def page(response):
    return unescape(response.content.decode())


def test_are_chosen_on_the_page_that_the_link_opens(client, api, user):
    token = token_for(api, user)
    shown = client.get("/password/new", {"token": token})
    assert f'value="{token}"' in page(shown)
    assert (shown["Referrer-Policy"], shown["Cache-Control"]) == ("no-referrer", "no-store")
    form = {"token": token, "password": NEW, "password_confirmation": "something else"}
    refused = client.post("/password/new", form)
    assert (refused.status_code, "The two passwords differ." in page(refused)) == (400, True)
    done = client.post("/password/new", {**form, "password_confirmation": NEW})
    assert "Your new password is set" in page(done)
    assert sign_in(api, user, NEW) == 200
    again = client.post("/password/new", {**form, "password_confirmation": NEW})
    assert "This link has ended or was used before" in page(again)
