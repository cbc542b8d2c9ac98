"""What the members of the two groups may do."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group

from accounts.models import User
from crmsync.models import SupportAction, SyncRun
from crmsync.tests.admin.pages import PAGES, RUNS, read, start

pytestmark = pytest.mark.django_db

make_groups = import_module("crmsync.migrations.0007_support_groups").make_groups
rename_permissions = import_module("crmsync.migrations.0009_plainer_names").rename_permissions
grant = import_module("crmsync.migrations.0024_customers_and_results").grant


@pytest.fixture
def desk(client):
    """A client signed in as a member of one of the two groups."""

    def sign_in(group):
        make_groups(apps, None)  # The tests of before have emptied the tables.
        rename_permissions(apps, None)
        grant(apps, None)
        staff = User.objects.create_user("staff@example.com", "secret", is_staff=True)
        staff.groups.add(Group.objects.get(name=group))
        client.force_login(staff)
        return client

    return sign_in


def test_lets_support_look_and_act(desk, failed_run):
    client = desk("Support")
    for path in PAGES:
        read(client, path)
    assert "Re-queue from the start" in read(client, f"{RUNS}{failed_run.pk}/change/")
    assert start(client, "requeue", failed_run.meeting_id).status_code == 200
    assert start(client, "cancel", failed_run.meeting_id).status_code == 200
    for kind in ("check", "pause", "resume"):
        assert start(client, kind, failed_run.connection_id).status_code == 200
    assert start(client, "password_mail", failed_run.meeting.user_id).status_code == 200
    done = [action.kind for action in SupportAction.objects.order_by("pk")]
    assert done == ["requeue", "cancel", "check", "pause", "resume", "password_mail"]


def test_lets_read_only_support_do_nothing(desk, failed_run):
    client = desk("Support read-only")
    for path in PAGES:
        read(client, path)
    page = read(client, f"{RUNS}{failed_run.pk}/change/")
    assert "Re-queue" not in page
    assert "Pause" not in read(
        client, f"/admin/crmsync/customer/{failed_run.meeting.user_id}/change/"
    )
    for kind in SupportAction.Kind:
        assert start(client, kind, failed_run.meeting_id).status_code == 403
    assert SyncRun.objects.count() == 1


def test_lets_support_edit_no_meeting_and_see_no_user(desk, failed_run):
    client = desk("Support")
    path = f"/admin/meetings/meeting/{failed_run.meeting_id}/change/"
    assert 'name="_save"' not in read(client, path)
    assert client.post(path, {"title": "Mine"}).status_code == 403
    assert client.get("/admin/accounts/user/").status_code == 403
