"""One customer's page, and what support can do for them from there."""

from datetime import timedelta

import pytest
from django.utils import timezone

from crmsync import dispatcher
from crmsync.models import Connection, Incident, PasswordMail, SupportAction, SyncRun
from crmsync.operations import syncs
from crmsync.tests.admin.pages import RUNS, read, start

pytestmark = pytest.mark.django_db

CUSTOMERS = "/admin/crmsync/customer/"


def page_of(client, user):
    return read(client, f"{CUSTOMERS}{user.pk}/change/")


def ask(client, action, user):
    form = {"action": action, "_selected_action": [user.pk]}
    return client.post(CUSTOMERS, form).content.decode()


def test_is_found_by_the_beginning_of_the_address(admin_client, connection):
    assert "ann@example.com" in read(admin_client, CUSTOMERS, q="ann")
    assert "ann@example.com" not in read(admin_client, CUSTOMERS, q="bob")


@pytest.mark.parametrize("lookup", ["password__startswith", "token_key__startswith", "email"])
def test_keeps_what_nobody_may_guess(admin_client, connection, lookup):
    response = admin_client.get(CUSTOMERS, {lookup: "p"})
    assert response.status_code in (302, 400)


def test_lists_no_member_of_staff(admin_client, connection):
    listed = admin_client.get(CUSTOMERS).context["cl"].result_list
    assert [customer.email for customer in listed] == ["ann@example.com"]


@pytest.mark.parametrize("query", [{"connection": "paused"}, {"provider": "hubspot"}])
def test_is_narrowed_by_connection(admin_client, connection, query):
    assert not admin_client.get(CUSTOMERS, query).context["cl"].result_list
    Connection.objects.update(state="paused", provider="hubspot")
    assert admin_client.get(CUSTOMERS, query).context["cl"].result_list


def test_shows_connection_syncs_incidents_and_quota(admin_client, failed_run, user):
    page = page_of(admin_client, user)
    for text in (
        "Sandbox",
        "connected",
        failed_run.reference,
        "Sandbox did not accept the data",
        "of at most 20000",
        "Re-queue what failed",
    ):
        assert text in page
    assert "Resume" not in page
    assert "Retry now" not in page


def test_shows_one_who_has_connected_nothing(admin_client, user):
    page = page_of(admin_client, user)
    assert "Send a password mail" in page
    assert "Pause" not in page


def test_tells_when_they_signed_in_last(admin_client, api, user):
    assert "<dt>Signed in last</dt><dd>–" in page_of(admin_client, user)
    api.post("/authenticate", {"email": user.email, "password": "correct horse"})
    user.refresh_from_db()
    assert f"{user.last_login:%Y-%m-%d %H:%M}" in page_of(admin_client, user)


def test_gets_what_failed_re_queued(admin_client, failed_run, user):
    asked = ask(admin_client, "requeue", user)
    for text in ("Re-queue 1 sync", failed_run.reference, "ann@example.com", ">Back</a>"):
        assert text in asked


def test_gets_a_planned_retry_at_once(admin_client, make_meeting, connection, user):
    later = timezone.now() + timedelta(hours=1)
    run, _ = syncs.request_sync(make_meeting(), by=None)
    SyncRun.objects.filter(pk=run.pk).update(status="retrying", due_at=later)
    assert "Retry 1 sync now" in ask(admin_client, "retry", user)
    page = start(admin_client, "retry", run.meeting_id).content.decode()
    assert "1 retried" in page
    assert SyncRun.objects.get().due_at < later


def test_gets_the_connection_checked_by_a_worker(admin_client, connection, user, settle):
    Connection.objects.update(last_error="crm_timeout")
    assert "Check 1 connection" in ask(admin_client, "check_now", user)
    page = start(admin_client, "check", connection.pk).content.decode()
    assert "0 of 1 done" in page
    dispatcher.send_background_hints(timezone.now())
    settle()
    connection.refresh_from_db()
    assert connection.last_error == ""
    assert SupportAction.objects.get().outcomes == {"checked: its page shows the result": 1}


def test_gets_a_password_mail_in_their_language(admin_client, connection, user):
    user.language = "de"
    user.save()
    assert "Send a password mail to 1 customer" in ask(admin_client, "send_password_mail", user)
    assert "1 mail requested" in start(admin_client, "password_mail", user.pk).content.decode()
    assert PasswordMail.objects.get().language == "de"
    again = start(admin_client, "password_mail", user.pk).content.decode()
    assert "not sent: asked for in the last five minutes" in again


def test_is_reached_from_an_incident_that_concerns_them(admin_client, failed_run, user):
    incident = Incident.objects.get()
    page = read(admin_client, f"/admin/crmsync/incident/{incident.pk}/change/")
    link = f"{CUSTOMERS}?incident={incident.pk}"
    assert link in page
    assert "ann@example.com" in read(admin_client, link)
    assert "ann@example.com" not in read(admin_client, CUSTOMERS, incident="9" * 5)
    for odd in ("9" * 30, "x", "²"):
        assert admin_client.get(CUSTOMERS, {"incident": odd}, follow=True).status_code == 200


def test_is_linked_to_their_own_syncs_alone(admin_client, failed_run, make_meeting, stranger):
    Connection.objects.create(user=stranger, provider="sandbox", account_id="2")
    invited = make_meeting("ann@example.com", owner=stranger)
    theirs, _ = syncs.request_sync(invited, by=None)
    link = f"{RUNS}?customer={failed_run.meeting.user_id}"
    assert link in page_of(admin_client, failed_run.meeting.user)
    page = read(admin_client, link)
    assert failed_run.reference in page
    assert theirs.reference not in page


def test_shows_who_of_the_staff_did_what(admin_client, failed_run, user):
    start(admin_client, "requeue", failed_run.meeting_id, reason="She called.")
    start(admin_client, "snooze_hour", Incident.objects.get().pk, reason="We know.")
    for page in (page_of(admin_client, user), read(admin_client, f"{RUNS}{failed_run.pk}/change/")):
        for text in ("re-queue where it failed", "She called.", "snooze for an hour", "We know."):
            assert text in page
