import pytest
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from conftest import run_command
from crmsync.admin.meetings import StateFilter
from crmsync.fields import Sealed
from crmsync.models import Connection, SyncRun
from crmsync.operations import syncs
from crmsync.status.state import PHASES

pytestmark = pytest.mark.django_db

RUNS = "/admin/crmsync/syncrun/"
START = "/admin/crmsync/supportaction/start/"
EXAMPLES = {"retrying": "Sandbox is not answering", "failed": "Several tries went wrong"}


def act(admin_client, action, *runs):
    """What the page says of the outcome, once the reason is given."""
    targets = ",".join(str(run.meeting_id) for run in runs)
    form = {"kind": action, "targets": targets, "reason": "The customer called."}
    return admin_client.post(START, form, follow=True).content.decode()


def ask(admin_client, action, *runs, **query):
    """What the page says of what will happen."""
    form = {"action": action, "_selected_action": [run.pk for run in runs]}
    return admin_client.post(RUNS, form, query_params=query).content.decode()


def test_lists_syncs_with_customer_state_and_error(admin_client, failed_run):
    page = admin_client.get(RUNS).content.decode()
    for text in (failed_run.reference, "ann@example.com", "failed", "did not accept"):
        assert text in page


@pytest.mark.parametrize("query", ["ann@example.com", "kick-off", "reference"])
def test_finds_a_sync(admin_client, failed_run, query):
    sought = failed_run.reference if query == "reference" else query
    assert failed_run.reference in admin_client.get(RUNS, {"q": sought}).content.decode()
    assert failed_run.reference not in admin_client.get(RUNS, {"q": "nobody"}).content.decode()


def test_filters_by_error(admin_client, failed_run):
    page = admin_client.get(RUNS, {"error": "record_rejected"}).content.decode()
    assert failed_run.reference in page
    page = admin_client.get(RUNS, {"error": "crm_timeout"}).content.decode()
    assert failed_run.reference not in page


def test_shows_one_sync_with_its_attempts_and_nothing_to_edit(admin_client, failed_run):
    page = admin_client.get(f"{RUNS}{failed_run.pk}/change/").content.decode()
    for text in (
        "Not saved in Sandbox",
        "Correct the e-mail address",
        "Saving the contacts, try 1",
    ):
        assert text in page
    assert 'name="_save"' not in page
    assert (
        admin_client.post(f"{RUNS}{failed_run.pk}/change/", {"status": "queued"}).status_code == 403
    )


def test_costs_the_same_queries_however_many_are_listed(admin_client, make_meeting, connection):
    def count_queries():
        with CaptureQueriesContext(database) as queries:
            admin_client.get(RUNS)
        return len(queries)

    syncs.request_sync(make_meeting(), by=None)
    before = count_queries()
    for _ in range(20):
        syncs.request_sync(make_meeting(), by=None)
    assert count_queries() == before


def test_re_queues_what_failed(admin_client, failed_run, settle):
    assert "1</strong> re-queued" in ask(admin_client, "requeue", failed_run)
    assert "1 re-queued" in act(admin_client, "requeue", failed_run)
    newest = SyncRun.objects.first()
    assert newest != failed_run
    assert newest.requested_by.email == "admin@example.com"


def test_says_why_it_skips(admin_client, failed_run):
    act(admin_client, "requeue", failed_run)
    assert "1 already syncing" in act(admin_client, "requeue", failed_run)


def test_cancels_what_is_under_way(admin_client, failed_run, meeting):
    run, _ = syncs.request_sync(meeting, by=None)
    asked = ask(admin_client, "cancel", run, failed_run)
    assert "1</strong> canceled" in asked
    assert "1</strong> already ended" in asked
    assert "1 canceled, 1 already ended" in act(admin_client, "cancel", run, failed_run)
    run.refresh_from_db()
    assert run.status == SyncRun.Status.CANCELED


def test_acts_on_a_filtered_list(admin_client, make_meeting, connection):
    for _ in range(3):
        syncs.request_sync(make_meeting(), by=None)
    form = {"action": "cancel", "_selected_action": [1], "select_across": 1}
    page = admin_client.post(f"{RUNS}?state=queued", form).content.decode()
    assert "2</strong> canceled" in page  # The third waits behind them.


def test_folds_a_traceback_into_the_page(admin_client, make_meeting, connection, settle):
    run, _ = syncs.request_sync(make_meeting("bug@sandbox.invalid"), by=None)
    settle()
    page = admin_client.get(f"{RUNS}{run.pk}/change/").content.decode()
    assert "<details><summary>" in page
    assert '<pre class="message">Traceback' in page


def test_offers_to_delete_no_sync(admin_client, failed_run):
    assert "delete_selected" not in admin_client.get(RUNS).content.decode()
    assert admin_client.post(f"{RUNS}{failed_run.pk}/delete/", {"post": "yes"}).status_code == 403
    assert SyncRun.objects.exists()


@pytest.mark.parametrize("group", StateFilter.GROUPS)
def test_says_of_each_meeting_what_its_owner_reads(admin_client, group):
    run_command("seed", meetings=0, states=True, password="secret")
    page = admin_client.get("/admin/meetings/meeting/", {"sync": group}).content.decode()
    for state in PHASES:
        # Some states are shown by a meeting with an error.
        title = EXAMPLES.get(state, f"A meeting that is {state.replace('_', ' ')}")
        shown = f"{title}<" in page
        assert shown == (state in StateFilter.GROUPS[group][1])


def test_leads_from_a_meeting_to_its_runs(admin_client, failed_run):
    path = f"/admin/meetings/meeting/{failed_run.meeting_id}/change/"
    assert f"{RUNS}?meeting={failed_run.meeting_id}" in admin_client.get(path).content.decode()
    assert admin_client.get(f"{RUNS}?meeting={failed_run.meeting_id}").status_code == 200


def test_leads_from_a_meeting_that_is_not_yet_made_to_no_runs(admin_client):
    page = admin_client.get("/admin/meetings/meeting/add/")
    assert page.status_code == 200
    assert "?meeting=" not in page.content.decode()


def test_lets_staff_who_may_only_look_do_nothing(client, failed_run):
    staff = User.objects.create_user("staff@example.com", "secret", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_syncrun"))
    client.force_login(staff)
    assert failed_run.reference in client.get(RUNS).content.decode()
    assert "Re-queue" not in client.get(f"{RUNS}{failed_run.pk}/change/").content.decode()
    form = {"kind": "requeue", "targets": str(failed_run.meeting_id), "reason": "because"}
    assert client.post(START, form).status_code == 403
    assert SyncRun.objects.count() == 1


def test_never_shows_credentials(admin_client, connection):
    sealed = Sealed.seal({"token": "s3cret"})
    Connection.objects.update(credentials=sealed)
    for path in ("", f"{connection.pk}/change/"):
        page = admin_client.get(f"/admin/crmsync/connection/{path}").content.decode()
        assert "ann@example.com" in page
        assert "s3cret" not in page
        assert sealed.token not in page


@pytest.mark.parametrize("model", ["connection", "syncrun", "remoterecord", "sandboxrecord"])
def test_adds_and_changes_nothing_by_hand(admin_client, model):
    assert admin_client.get(f"/admin/crmsync/{model}/").status_code == 200
    assert admin_client.get(f"/admin/crmsync/{model}/add/").status_code == 403


def test_deletes_selected_meetings_with_their_syncs(admin_client, failed_run, meeting):
    syncs.request_sync(meeting, by=None)
    form = {"action": "delete_selected", "post": "yes"}
    form["_selected_action"] = [meeting.pk, failed_run.meeting_id]
    assert admin_client.post("/admin/meetings/meeting/", form).status_code == 302
    assert not SyncRun.objects.exists()


@pytest.mark.parametrize("model", ["meetings/meeting", "accounts/user"])
def test_stands_in_the_way_of_no_deletion(admin_client, failed_run, model):
    pk = failed_run.meeting.user_id if "user" in model else failed_run.meeting_id
    response = admin_client.post(f"/admin/{model}/{pk}/delete/", {"post": "yes"})
    assert response.status_code == 302
    assert not SyncRun.objects.exists()
