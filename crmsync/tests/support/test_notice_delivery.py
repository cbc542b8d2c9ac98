"""Mails to people about what only they can mend."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from conftest import work_hints
from crmsync import dispatcher
from crmsync.incidents import incidents, routes
from crmsync.models import Alert, Notice, SyncRun
from crmsync.operations import connections, mails, syncs
from crmsync.operations.requeue import requeue
from crmsync.support import notice_delivery

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _desk(settings):
    settings.SUPPORT_EMAILS = ["desk@example.com"]
    settings.PUBLIC_URL = "https://api.example.com"


@pytest.fixture
def fail(make_meeting, connection, settle):
    """A sync that fails, asked for by nobody who looks at the page."""

    def fail(email="rejected@sandbox.invalid", by=None):
        run, _ = syncs.request_sync(make_meeting(email, title="Kick-off"), by=by)
        settle()
        return SyncRun.objects.get(pk=run.pk)

    return fail


def deliver(minutes=6):
    """What the dispatcher and a worker do then; returns the mails."""
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
        dispatcher.send_background_hints(timezone.now())
        work_hints()
    return mail.outbox


def test_tell_what_happened_and_what_to_do(fail, user):
    run = fail()
    assert deliver(minutes=1) == []
    (sent,) = deliver()
    assert sent.to == [user.email]
    assert sent.subject == "Not saved in Sandbox: “Kick-off”"
    assert "Correct the e-mail address and sync the meeting again." in sent.body
    assert run.reference in sent.body
    assert "https://api.example.com/help/record_rejected?" in sent.body
    assert Notice.objects.get().delivered_at


def test_are_in_the_language_of_the_person(fail, user):
    user.language = "de"
    user.save()
    fail()
    (sent,) = deliver()
    assert sent.subject == "Nicht in Sandbox gespeichert: „Kick-off“"
    assert "Was Sie tun können" in sent.body
    assert "language=de" in sent.body


def test_are_one_a_day_for_each_cause(fail):
    for _ in range(3):
        fail()
    fail("reconnect@sandbox.invalid")
    assert sorted(Notice.objects.values_list("cause", flat=True)) == [
        "connection_expired",
        "record_rejected",
    ]


def test_say_nothing_of_what_the_person_sees_happen(fail, user):
    fail(by=user)
    assert not Notice.objects.exists()


def test_tell_of_what_happened_long_after_the_click(make_meeting, connection, settle, user):
    run, _ = syncs.request_sync(make_meeting("rejected@sandbox.invalid"), by=user)
    SyncRun.objects.update(created_at=timezone.now() - timedelta(minutes=6))
    settle()
    assert Notice.objects.get().run_id == run.pk


def test_say_nothing_of_what_was_mended_meanwhile(fail, user):
    fail("reconnect.x1@sandbox.invalid")
    connections.connect(user, "sandbox", {})
    assert deliver() == []
    assert Notice.objects.get().given_up_at


def test_say_nothing_of_what_we_or_nobody_can_mend(fail, settings):
    settings.SYNC_RETRY_DELAYS = [0]
    fail("unavailable@sandbox.invalid")
    fail("bug@sandbox.invalid")
    assert not Notice.objects.exists()


def test_are_not_sent_to_on_call_as_well(fail):
    fail()
    incidents.review(timezone.now() + timedelta(minutes=1))
    assert incidents.open_incidents().count() == 1
    assert not Alert.objects.exists()


def test_are_sent_once_however_often_a_worker_is_told(fail):
    fail()
    deliver()
    notice_delivery.deliver(Notice.objects.get().pk)
    assert len(mail.outbox) == 1


def test_are_tried_again_if_the_mail_server_refuses(fail, monkeypatch):
    def refuse(self):
        raise ConnectionRefusedError

    fail()
    with monkeypatch.context() as down:
        down.setattr("django.core.mail.EmailMessage.send", refuse)
        deliver()
    assert "ConnectionRefusedError" in Notice.objects.get().last_error
    assert len(deliver(minutes=20)) == 1


def test_are_not_made_without_a_mail_server(fail, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    fail()
    assert not Notice.objects.exists()


def test_are_about_the_latest_failure(fail, settle):
    run = fail()
    requeue(run.meeting, by=None)
    settle()
    (sent,) = deliver()
    assert SyncRun.objects.first().reference in sent.body


def test_of_today_do_not_stand_in_for_one_that_was_never_sent(fail, user):
    fail("reconnect.x1@sandbox.invalid")
    connections.connect(user, "sandbox", {})
    deliver()
    fail("reconnect.x1@sandbox.invalid")
    assert Notice.objects.filter(given_up_at=None).exists()


class TestStopping:
    @pytest.fixture
    def link(self, user):
        return mails.stop_url(user).removeprefix("https://api.example.com")

    def test_is_one_click_of_a_mail_program(self, client, fail, user):
        fail()
        (sent,) = deliver()
        link = sent.extra_headers["List-Unsubscribe"].strip("<>")
        assert link in sent.body
        client.post(link.removeprefix("https://api.example.com"), {"List-Unsubscribe": "One-Click"})
        user.refresh_from_db()
        assert not user.mail_about_syncs
        Notice.objects.all().delete()
        fail()
        assert not Notice.objects.exists()

    def test_is_not_done_by_looking_at_the_page(self, client, link, user):
        assert "Stop these e-mails" in client.get(link).content.decode()
        user.refresh_from_db()
        assert user.mail_about_syncs

    def test_can_be_taken_back(self, client, link, user):
        client.post(link)
        assert "Start them again" in client.post(link, {"mails": "off"}).content.decode()
        client.post(link, {"mails": "on"})
        user.refresh_from_db()
        assert user.mail_about_syncs

    @pytest.mark.parametrize("token", ["", "x", "MQ:x:y"])
    def test_needs_a_link_of_ours(self, client, user, token):
        assert client.post(f"/mails/stop?token={token}").status_code == 404

    def test_that_comes_after_the_failure_counts_as_well(self, fail, user):
        fail()
        mails.choose(user, is_on=False)
        assert deliver() == []

    def test_is_of_no_use_once_the_person_is_gone(self, client, link, user):
        user.delete()
        assert client.post(link).status_code == 404


def test_say_which_causes_are_the_persons():
    assert "record_rejected" in routes.THEIRS
    assert "crm_unavailable" not in routes.THEIRS
