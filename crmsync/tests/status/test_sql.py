from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import api_of, run_command
from crmsync.connections import store
from crmsync.models import SyncRun
from crmsync.status.sql import annotate_state
from crmsync.status.state import PHASES, state_of
from crmsync.support import sample_states
from meetings.models import Meeting

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_meeting_in_every_state(db):
    run_command("seed", meetings=0, states=True, password="secret")


@pytest.mark.parametrize("days", [0, 2])
def test_agree_with_what_is_said_of_each_meeting(days):
    SyncRun.objects.update(ready_since=timezone.now())
    now = timezone.now() + timedelta(days=days)
    found = {meeting.pk: meeting.state for meeting in annotate_state(Meeting.objects.all(), now)}
    for meeting in Meeting.objects.all():
        run = SyncRun.objects.filter(meeting=meeting).first()
        assert found[meeting.pk] == state_of(meeting, run, store.for_user(meeting.user), now)
    assert days or set(found.values()) == set(PHASES)


def in_state(state):
    return annotate_state(Meeting.objects.all(), timezone.now()).filter(state=state)


@pytest.mark.parametrize("state", PHASES)
def test_find_the_meetings_in_a_state(state):
    owner = in_state(state).first().user
    rows = api_of(owner).get("/meetings", {"state": state}).json()["results"]
    shown = in_state(state).filter(user=owner, removing_since=None)
    assert {row["id"] for row in rows} == {meeting.pk for meeting in shown}
    assert {row["sync_state"] for row in rows} <= {state}
    assert rows or state == "removing"


def test_look_at_the_latest_run_only():
    failed = in_state("failed").first()
    before = in_state("failed").count()
    SyncRun.objects.create(
        meeting=failed,
        connection=failed.user.connection,
        status="succeeded",
        written_digest=failed.content_digest,
    )
    api = api_of(failed.user)
    assert api.get("/meetings", {"state": "failed"}).json()["count"] == before - 1
    assert api.get("/meetings", {"state": "synced"}).json()["count"] == 2
    assert failed.user.email == sample_states.STATES_USER
