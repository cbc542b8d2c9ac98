"""The pages of the support desk beside the list of syncs."""

import html
import os
import re
import socket
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from crmsync.admin import bulk_actions
from crmsync.admin.base import BoundedPaginator
from crmsync.incidents import incidents
from crmsync.metrics import totals
from crmsync.models import Incident, SupportAction, SyncRun
from crmsync.operations import support_actions, syncs
from crmsync.tests.admin.pages import PAGES, RUNS, read, start
from meetings.models import Meeting
from syncsite.response_headers import POLICY

pytestmark = pytest.mark.django_db


def test_starts_with_how_things_stand(admin_client, failed_run, make_meeting):
    syncs.request_sync(make_meeting(), by=None)
    totals.add_ended()
    page = read(admin_client, "/admin/")
    for text in (
        f'<strong>1</strong> <a href="{RUNS}?state=queued">queued</a>',
        f'<a href="{RUNS}?state=failed&amp;error=record_rejected&amp;age=',
        "The CRM did not accept the data</a>: 1",
        "0 syncs succeeded and 1 failed since ",
        "Longest wait",
    ):
        assert text in page


def test_counts_failures_as_the_list_behind_the_figure_does(admin_client, failed_run):
    page = read(admin_client, "/admin/")
    listed = re.search(rf'<strong>1</strong> <a href="({RUNS}[^"]+)">failed', page)[1]
    assert failed_run.reference in read(admin_client, html.unescape(listed))
    ended_before = failed_run.finished_at - timedelta(days=2)
    SyncRun.objects.filter(pk=failed_run.pk).update(finished_at=ended_before)
    assert failed_run.reference not in read(admin_client, html.unescape(listed))
    assert "<strong>0</strong> <a href" in read(admin_client, "/admin/")


def test_counts_what_is_still_failed_as_the_list_does(admin_client, failed_run, make_meeting):
    figure = r"<strong>(\d+)</strong> <a href=\"([^\"]+)\">still failed now"
    retrying, _ = syncs.request_sync(make_meeting(), by=None)
    SyncRun.objects.filter(pk=retrying.pk).update(status="retrying")
    count, link = re.search(figure, read(admin_client, "/admin/")).groups()
    listed = admin_client.get(link).context["cl"].result_list
    assert [meeting.pk for meeting in listed] == [failed_run.meeting_id]
    assert count == "1"
    syncs.request_sync(failed_run.meeting, by=None)
    assert re.search(figure, read(admin_client, "/admin/"))[1] == "0"


def test_starts_without_redis(admin_client, failed_run, unreachable_redis):
    assert "Redis does not answer" in read(admin_client, "/admin/")


def test_shows_a_case_as_its_owner_reads_it(admin_client, failed_run, own_api):
    page = read(admin_client, f"{RUNS}{failed_run.pk}/change/")
    document = own_api.get(f"/meetings/{failed_run.meeting_id}/sync").json()
    for text in (document["headline"], document["detail"], document["next"]["text"]):
        assert text in page
    assert f"Reference: {failed_run.reference}" in page


def test_leads_from_an_earlier_sync_to_the_latest(admin_client, failed_run):
    syncs.request_sync(failed_run.meeting, by=None)
    page = read(admin_client, f"{RUNS}{failed_run.pk}/change/")
    assert "This is an earlier sync" in page
    assert f"{RUNS}{SyncRun.objects.first().pk}/change/" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "failed"}, True),
        ({"state": "retrying"}, False),
        ({"provider": "sandbox"}, True),
        ({"provider": "hubspot"}, False),
        ({"age": "hour"}, True),
        ({"error": "record_rejected"}, True),
        ({"q": "kick"}, True),
        ({"q": "ann@"}, True),
        ({"q": "rejected@sandbox.invalid"}, True),
        ({"q": "bob@"}, False),
        ({"q": "99999999"}, False),
        ({"q": "9" * 40}, False),
    ],
)
def test_finds_a_sync(admin_client, failed_run, query, found):
    assert (failed_run.reference in read(admin_client, RUNS, **query)) == found


def test_finds_a_sync_by_the_number_of_its_meeting(admin_client, failed_run):
    assert failed_run.reference in read(admin_client, RUNS, q=failed_run.meeting_id)


def test_counts_no_further_than_anybody_pages(admin_client, make_meeting, connection, monkeypatch):
    monkeypatch.setattr(BoundedPaginator, "MAX_COUNT", 3)
    for _ in range(5):
        syncs.request_sync(make_meeting(), by=None)
    assert BoundedPaginator(SyncRun.objects.all(), 2).num_pages == 2
    assert "The latest 3. Narrow the list" in read(admin_client, RUNS)
    assert "The latest" not in read(admin_client, RUNS, state="syncing")


def test_acts_on_the_latest_of_very_many(admin_client, make_meeting, connection, monkeypatch):
    monkeypatch.setattr(bulk_actions, "MAX_TARGETS", 2)
    for _ in range(3):
        syncs.request_sync(make_meeting(), by=None)
    form = {"action": "cancel", "_selected_action": [1], "select_across": 1}
    page = admin_client.post(RUNS, form).content.decode()
    assert "2</strong> canceled" in page
    assert "Only the latest 2" in page


def test_asks_for_a_reason(admin_client, failed_run):
    page = start(admin_client, "requeue", failed_run.meeting_id, reason=" ").content.decode()
    assert "This field is required" in page
    assert "1</strong> re-queued" in page
    assert not SupportAction.objects.exists()


def test_shows_the_new_sync_of_one_that_was_put_back(admin_client, failed_run):
    response = start(admin_client, "requeue", failed_run.meeting_id)
    newest = SyncRun.objects.first()
    assert response.redirect_chain[-1][0] == f"{RUNS}{newest.pk}/change/"
    assert "Re-queued by staff: The customer called." in response.content.decode()


def test_writes_down_who_did_what_and_why(admin_client, failed_run):
    start(admin_client, "requeue", failed_run.meeting_id)
    page = read(admin_client, "/admin/crmsync/supportaction/")
    for text in (
        "re-queue where it failed",
        "admin@example.com",
        "The customer called.",
        "1 re-queued",
    ):
        assert text in page


def test_lists_the_syncs_of_an_action(admin_client, failed_run):
    start(admin_client, "requeue", failed_run.meeting_id)
    action = SupportAction.objects.get()
    link = f"{RUNS}?action_of_staff={action.pk}"
    assert link in read(admin_client, f"/admin/crmsync/supportaction/{action.pk}/change/")
    assert failed_run.reference in read(admin_client, link)
    assert failed_run.reference not in read(admin_client, RUNS, action_of_staff=action.pk + 1)


def test_follows_what_is_under_way(admin_client, failed_run, admin_user):
    targets = list(range(1, 30))
    done = support_actions.start(SupportAction.Kind.REQUEUE, targets, admin_user, "because")
    page = read(admin_client, f"/admin/crmsync/supportaction/{done.pk}/change/")
    assert '<progress max="29" value="0"' in page
    assert "0 of 29 done, about 6 seconds left" in page
    assert "No worker is running" in page


def test_stops_what_is_under_way(admin_client, failed_run, admin_user):
    done = support_actions.start(SupportAction.Kind.REQUEUE, [1] * 29, admin_user, "because")
    path = f"/admin/crmsync/supportaction/{done.pk}/"
    page = admin_client.post(f"{path}stop/", follow=True).content.decode()
    assert "Stopped by admin@example.com" in page
    assert ">Stop</button>" not in page


def test_offers_to_cancel_what_was_re_queued_by_mistake(admin_client, failed_run):
    start(admin_client, "requeue", failed_run.meeting_id)
    done = SupportAction.objects.get()
    path = f"/admin/crmsync/supportaction/{done.pk}/"
    assert "Cancel what it re-queued" in read(admin_client, f"{path}change/")
    page = read(admin_client, f"{path}cancel/")
    assert "Cancel 1 sync" in page
    assert SyncRun.objects.first().reference in page


def test_cancels_nothing_that_the_owner_has_begun_since(admin_client, failed_run, user):
    start(admin_client, "requeue", failed_run.meeting_id)
    done = SupportAction.objects.get()
    syncs.cancel(failed_run.meeting_id)
    syncs.request_sync(failed_run.meeting, by=user)
    path = f"/admin/crmsync/supportaction/{done.pk}/"
    assert "Cancel what it re-queued" not in read(admin_client, f"{path}change/")
    assert admin_client.get(f"{path}cancel/").status_code == 403


def test_says_that_canceling_a_failed_removal_brings_the_meeting_back(admin_client, failed_run):
    Meeting.objects.filter(pk=failed_run.meeting_id).update(removing_since=timezone.now())
    SyncRun.objects.update(removes=True)
    form = {"action": "cancel", "_selected_action": [failed_run.pk]}
    page = admin_client.post(RUNS, form).content.decode()
    assert "1</strong> canceled" in page
    assert "deleted meeting back" in page


def test_names_the_customers_of_all_targets(
    admin_client, failed_run, make_meeting, stranger, monkeypatch
):
    monkeypatch.setattr(bulk_actions, "MAX_NAMED", 1)
    theirs = make_meeting(owner=stranger)
    form = {"kind": "cancel", "targets": f"{failed_run.meeting_id},{theirs.pk}", "reason": ""}
    page = admin_client.post("/admin/crmsync/supportaction/start/", form).content.decode()
    assert "Customers: ann@example.com, stranger@example.com" in page


def test_takes_each_meeting_once_before_it_counts(admin_client, failed_run, monkeypatch):
    monkeypatch.setattr(BoundedPaginator, "MAX_COUNT", 2)
    values = {"meeting": failed_run.meeting, "connection": failed_run.connection}
    SyncRun.objects.bulk_create(SyncRun(**values, status="failed") for _ in range(4))
    form = {"action": "restart", "_selected_action": [1], "select_across": 1}
    page = admin_client.post(RUNS, form).content.decode()
    assert "Re-queue 1 sync from the start" in page
    assert "Only the latest" not in page


def test_re_queues_what_failed_for_one_customer(admin_client, failed_run):
    incident = Incident.objects.get()
    page = read(admin_client, f"/admin/crmsync/incident/{incident.pk}/change/")
    link = html.unescape(re.search(r'href="([^"]+of-cause[^"]+)"', page)[1])
    assert f"connection={failed_run.connection_id}" in link
    assert failed_run.reference in read(admin_client, link)
    other = link.replace(f"connection={failed_run.connection_id}", "connection=999999")
    assert failed_run.reference not in read(admin_client, other)


def test_starts_with_an_incident_of_another_version(admin_client, connection):
    Incident.objects.create(connection=connection, provider="sandbox", cause="from_the_future")
    assert "from_the_future" in read(admin_client, "/admin/")
    assert "from_the_future" in read(admin_client, "/admin/crmsync/incident/")


def test_records_no_log_in_that_was_refused(admin_client):
    form = {"username": "admin@example.com", "password": "wrong"}
    assert admin_client.post("/admin/login/", form).status_code == 200
    assert not SupportAction.objects.exists()


def test_offers_to_cancel_nothing_else(admin_client, connection):
    start(admin_client, "pause", connection.pk)
    path = f"/admin/crmsync/supportaction/{SupportAction.objects.get().pk}/"
    assert "Cancel what" not in read(admin_client, f"{path}change/")
    assert admin_client.get(f"{path}cancel/").status_code == 403


def test_re_queues_all_that_failed_for_one_cause(admin_client, failed_run):
    path = "/admin/crmsync/supportaction/of-cause/"
    page = read(admin_client, path, error="record_rejected", provider="sandbox")
    for text in ("Re-queue 1 sync", failed_run.reference, "Ask the customer to do this"):
        assert text in page
    assert failed_run.reference not in read(admin_client, path, error="crm_timeout")
    assert "There is nothing to do" in read(admin_client, path, error="crm_timeout")
    assert admin_client.get(path, {"error": "nonsense"}).status_code == 403


def test_writes_down_who_of_the_staff_logs_in(client, admin_user):
    form = {"username": admin_user.email, "password": "password"}
    client.post("/admin/login/", {**form, "password": "wrong"})
    assert not SupportAction.objects.exists()
    client.post("/admin/login/", form)
    action = SupportAction.objects.get()
    assert (action.kind, action.by, action.reason) == ("log_in", admin_user, "From 127.0.0.1.")
    assert "From 127.0.0.1." in read(client, "/admin/crmsync/supportaction/")
    assert "From 127.0.0.1." not in read(client, "/admin/")


def test_keeps_a_reason_over_a_new_log_in(client, admin_user, failed_run):
    form = {"kind": "requeue", "targets": str(failed_run.meeting_id), "reason": "She called."}
    response = client.post("/admin/crmsync/supportaction/start/", form)
    assert response.url == "/admin/login/?next=/admin/crmsync/supportaction/start/"
    client.force_login(admin_user)
    assert "nothing was done" in read(client, "/admin/crmsync/supportaction/start/")
    page = client.post("/admin/crmsync/supportaction/review/", form).content.decode()
    assert "She called.</textarea>" in page
    assert not SupportAction.objects.exists()


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        ("queued", {"cancel"}),
        ("retrying", {"retry", "cancel"}),
        ("failed", {"requeue", "restart"}),
        ("succeeded", {"restart"}),
    ],
)
def test_offers_only_what_fits_the_state(admin_client, failed_run, status, offered):
    SyncRun.objects.update(status=status)
    page = read(admin_client, f"{RUNS}{failed_run.pk}/change/")
    assert set(re.findall(r'name="action" value="(\w+)"', page)) == offered


def test_drafts_the_reply_in_the_language_of_the_customer(admin_client, failed_run, user):
    for language in ("de", "en"):
        User.objects.update(language=language)
        page = read(admin_client, f"{RUNS}{failed_run.pk}/change/")
        assert page.index(f'id="reply-{language}"') == page.index('id="reply-')
    assert "Zu Ihrem Termin" in page
    assert "About your meeting" in page


def test_names_worker_cause_connection_and_incident_of_a_case(admin_client, failed_run):
    page = read(admin_client, f"{RUNS}{failed_run.pk}/change/")
    incident = Incident.objects.get()
    for text in (
        f"Worker on {socket.gethostname()}, process {os.getpid()}",
        "<code>record_rejected</code>",
        f"/admin/crmsync/connection/{failed_run.connection_id}/change/",
        f"/admin/crmsync/incident/{incident.pk}/change/",
        f"reference={failed_run.reference}",
    ):
        assert text in page


def test_speaks_english_whatever_the_browser_prefers(admin_client, failed_run):
    page = admin_client.get("/admin/", headers={"Accept-Language": "de"}).content.decode()
    assert 'lang="en' in page
    assert "Log out" in page
    assert "Abmelden" not in page


@pytest.mark.parametrize("form", [{}, {"kind": "x"}, {"kind": "cancel", "targets": "1;2"}])
def test_refuses_what_no_page_of_its_own_sends(admin_client, form):
    assert admin_client.post("/admin/crmsync/supportaction/start/", form).status_code == 403


@pytest.mark.parametrize("targets", ["9" * 25, "9" * 5000, ",".join("1" * 6000)])
def test_refuses_targets_that_no_meeting_has(admin_client, targets):
    form = {"kind": "cancel", "targets": targets, "reason": "because"}
    assert admin_client.post("/admin/crmsync/supportaction/start/", form).status_code == 403


@pytest.mark.parametrize(
    "query", [{"meeting": "9" * 30}, {"meeting": "x"}, {"id__exact": "9" * 30}]
)
def test_lists_nothing_for_an_id_that_cannot_be(admin_client, failed_run, query):
    response = admin_client.get(RUNS, query, follow=True)
    assert response.status_code == 200


def test_lets_nobody_guess_what_is_sealed(admin_client, connection):
    path = "/admin/crmsync/connection/"
    response = admin_client.get(path, {"credentials__startswith": "g"})
    assert response.status_code in (302, 400)


def test_pauses_a_connection(admin_client, connection):
    form = {"action": "pause", "_selected_action": [connection.pk]}
    asked = admin_client.post("/admin/crmsync/connection/", form).content.decode()
    assert "1</strong> paused" in asked
    start(admin_client, "pause", connection.pk)
    connection.refresh_from_db()
    assert connection.state == "paused"


def test_tells_of_an_incident_and_snoozes_it(admin_client, failed_run):
    incident = Incident.objects.get()
    path = f"/admin/crmsync/incident/{incident.pk}/change/"
    assert "Sandbox did not accept the data" in read(admin_client, path)
    form = {"action": "snooze_for_an_hour", "_selected_action": [incident.pk]}
    asked = admin_client.post("/admin/crmsync/incident/", form).content.decode()
    assert "1</strong> snoozed" in asked
    start(admin_client, "snooze_hour", incident.pk, reason="The CRM is being repaired.")
    incident.refresh_from_db()
    assert incident.snoozed_until > timezone.now() + timedelta(minutes=59)
    page = read(admin_client, path)
    for text in ("snoozed", "The CRM is being repaired.", "End the snooze"):
        assert text in page
    assert "snoozed until" in read(admin_client, "/admin/")


def test_ends_a_snooze_and_resolves_with_a_note(admin_client, failed_run):
    incident = Incident.objects.get()
    start(admin_client, "snooze_day", incident.pk)
    start(admin_client, "end_snooze", incident.pk, reason="Too early.")
    incident.refresh_from_db()
    assert incident.snoozed_until is None
    page = start(admin_client, "resolve", incident.pk, reason="They know.").content.decode()
    assert "by admin@example.com: “They know.”" in page
    assert "Snooze for" not in page
    incident.refresh_from_db()
    assert (incident.resolved_by, incident.note) == ("admin@example.com", "They know.")
    assert "resolved by admin@example.com" in read(admin_client, "/admin/")


def test_lists_open_and_resolved_incidents_apart(admin_client, failed_run):
    path = "/admin/crmsync/incident/"
    told = "Sandbox did not accept"
    assert told in read(admin_client, path, open="yes")
    assert told not in read(admin_client, path, open="no")
    incidents.open_incidents().update(resolved_at=timezone.now())
    assert told in read(admin_client, path, open="no")


@pytest.mark.parametrize("path", [*PAGES, "/admin/login/", "/docs", "/help"])
def test_loads_nothing_from_elsewhere(admin_client, path):
    response = admin_client.get(path, follow=True)
    assert response["Content-Security-Policy"] == POLICY
    page = response.content.decode()
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S|\bon\w+=\"", page)
