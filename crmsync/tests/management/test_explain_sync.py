import json

import pytest
from django.core.management import CommandError

from conftest import run_command
from crmsync.operations import syncs

pytestmark = pytest.mark.django_db


def explain(pk):
    return run_command("explain_sync", pk)


def test_tells_what_the_owner_reads_what_was_tried_and_what_was_written(
    make_meeting, connection, settle
):
    meeting = make_meeting("ann@acme.example", "rejected.step2@sandbox.invalid")
    run, _ = syncs.request_sync(meeting, by=None)
    settle()
    told = explain(meeting.pk)
    for text in (
        '"state": "failed"',
        "Sandbox did not accept the e-mail address",
        run.reference,
        "Saving the contacts, try 1: succeeded",
        "Saving the meeting, try 1: failed record_rejected",
        "created contact ann@acme.example",
    ):
        assert text in told


def test_tells_of_a_meeting_that_was_never_synced(meeting):
    assert '"state": "not_connected"' in explain(meeting.pk)


def test_knows_no_other_meeting():
    with pytest.raises(CommandError, match="no meeting 999999"):
        explain(999_999)


def test_finds_a_meeting_by_the_reference_of_a_sync(meeting, connection):
    run, _ = syncs.request_sync(meeting, by=None)
    assert f"Meeting {meeting.pk} of" in explain(run.reference.lower())


def test_speaks_to_programs_as_well(meeting, connection, settle):
    syncs.request_sync(meeting, by=None)
    settle()
    case = json.loads(run_command("explain_sync", meeting.pk, "--json"))
    assert case["owner_reads"]["state"] == "synced"
    assert [run["status"] for run in case["runs"]] == ["succeeded"]
    assert [attempt["outcome"] for attempt in case["runs"][0]["attempts"]] == ["succeeded"] * 3


@pytest.mark.parametrize("named", ["SY-NONE", "sy-", "abc", "0", "-1", "9" * 19, "9" * 5000])
def test_says_in_one_sentence_that_there_is_no_such_thing(named):
    with pytest.raises(CommandError, match=r"There is no sync|give a whole number") as refused:
        run_command("explain_sync", "--", named)
    assert "\n" not in str(refused.value)
