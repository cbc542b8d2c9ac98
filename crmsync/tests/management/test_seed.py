import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError
from django.utils import timezone

from accounts.models import User
from conftest import run_command
from crmsync.errors import CATALOGUE
from crmsync.models import Connection, SyncRun
from crmsync.operations import syncs
from crmsync.status import delivery
from crmsync.status.state import PHASES
from meetings.models import Attendee, Meeting

pytestmark = pytest.mark.django_db


def seed(**options):
    return run_command("seed", **{"password": "secret", **options})


def counts():
    return [model.objects.count() for model in (User, Connection, Meeting, Attendee, SyncRun)]


def test_makes_a_user_who_can_sign_in_and_sync(api, settle):
    assert "test-user@example.com" in seed()
    body = {"email": "test-user@example.com", "password": "secret"}
    api.credentials(HTTP_AUTHORIZATION=api.post("/authenticate", body).json()["auth_token"])
    assert api.get("/meetings").json()["count"] == 10
    first = Meeting.objects.order_by("pk").first()
    api.post(f"/meetings/{first.pk}/sync")
    settle()
    assert api.get(f"/meetings/{first.pk}/sync").json()["state"] == "synced"


def test_makes_a_support_login(client):
    seed()
    assert client.login(email="support@example.com", password="secret")
    assert client.get("/admin/").status_code == 200
    assert not User.objects.get(email="support@example.com").is_superuser


def test_gives_the_support_login_the_rights_of_its_group(client):
    support, _ = Group.objects.get_or_create(name="Support")
    seed()
    assert list(User.objects.get(email="support@example.com").groups.all()) == [support]


def test_changes_nothing_the_second_time():
    seed(users=3, meetings=20, states=True)
    before = counts()
    seed(users=3, meetings=20, states=True)
    assert counts() == before


def test_goes_on_from_a_smaller_one():
    seed(users=1, meetings=5)
    seed(users=4, meetings=30)
    assert Meeting.objects.count() == 30
    assert User.objects.count() == 5


def test_makes_many_in_few_queries(django_assert_max_num_queries):
    with django_assert_max_num_queries(150):
        seed(users=200, meetings=2500)
    assert Meeting.objects.count() == 2500


def shown():
    """The documents of the meetings that --states makes, by id."""
    meetings = Meeting.objects.select_related("user__connection").order_by("pk")
    return {
        meeting.pk: delivery.build(meeting, meeting.sync_runs.first(), timezone.now())
        for meeting in meetings
    }


def test_makes_one_meeting_in_every_state_and_with_every_error():
    seed(meetings=0, states=True)
    told = shown().values()
    assert {document["state"] for document in told} == set(PHASES)
    errors = {document["error"]["code"] for document in told if document["error"]}
    waits = {code for code, kind in CATALOGUE.items() if kind.handling == "wait"}
    assert errors == set(CATALOGUE) - waits
    assert set(SyncRun.objects.values_list("error_code", flat=True)) - {""} == set(CATALOGUE)
    assert {d["reason"] for d in told} >= {"other_syncs", "rate_limited", "by_support"}


def test_makes_them_again_as_they_were_under_the_same_ids(settle):
    seed(meetings=0, states=True)
    before = {pk: document["state"] for pk, document in shown().items()}
    for meeting in Meeting.objects.all():
        syncs.cancel(meeting.pk)
    seed(states=True, meetings=0)
    assert {pk: document["state"] for pk, document in shown().items()} == before


def test_makes_case_files_that_can_be_read():
    seed(meetings=0, states=True)
    for pk, document in shown().items():
        assert document["headline"] in run_command("explain_sync", pk)


def test_leaves_the_states_alone_while_workers_run(settle):
    seed(meetings=0, states=True)
    before = list(SyncRun.objects.values_list("status", flat=True))
    settle()
    assert list(SyncRun.objects.values_list("status", flat=True)) == before


def test_keeps_tokens_alive_when_the_password_stays(api):
    seed()
    before = User.objects.get(email="test-user@example.com").password
    seed()
    assert User.objects.get(email="test-user@example.com").password == before


def test_sets_a_password_that_is_given():
    seed()
    seed(password="another")
    assert User.objects.get(email="test-user@example.com").check_password("another")


def test_wants_a_password_where_the_keys_are_real():
    with pytest.raises(CommandError, match="--password"):
        seed(password=None)


@pytest.mark.parametrize("options", [{"users": 0}, {"meetings": -1}, {"password": "short"}])
def test_refuses_what_makes_no_sense(options):
    with pytest.raises(CommandError):
        seed(**options)
