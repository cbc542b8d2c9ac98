import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import run_command
from crmsync.management import counting
from crmsync.models import SandboxRecord, SupportAction, SyncAttempt, SyncRun
from crmsync.operations import connections, syncs
from meetings.models import SyncStep

pytestmark = pytest.mark.django_db


@pytest.fixture
def fail(connection, make_meeting, settle):
    def fail_one(email="rejected@sandbox.invalid", **values):
        meeting = make_meeting(email, **values)
        syncs.request_sync(meeting, by=None)
        settle()
        return meeting

    return fail_one


def requeue(*args, **options):
    return run_command("requeue_syncs", *args, rate=1000, **options).strip()


def preview(count):
    return f"Would go through {count} syncs, and re-queue those that need it."


def statuses(meeting):
    return list(meeting.sync_runs.order_by("id").values_list("status", flat=True))


def test_puts_back_what_failed(fail):
    meeting = fail()
    assert requeue("--failed", reason="fixed the address") == "Re-queued 1 syncs, skipped 0."
    assert statuses(meeting) == ["failed", "queued"]
    assert SyncRun.objects.first().reason == "fixed the address"


def test_writes_down_who_did_what_to_which_and_why(fail, monkeypatch):
    meeting = fail()
    monkeypatch.setattr("getpass.getuser", lambda: "maria")
    requeue("--failed", reason="fixed the address")
    action = SupportAction.objects.get()
    assert (action.by_name, action.reason) == ("maria at the command line", "fixed the address")
    assert action.finished_at
    assert list(action.results.values_list("target", "outcome")) == [(meeting.pk, "re-queued")]


def test_writes_down_nothing_where_nothing_was_chosen(fail):
    requeue("--failed")
    assert not SupportAction.objects.exists()


def test_asks_for_the_reason_at_a_terminal(fail, monkeypatch):
    fail()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: "They called.")
    requeue("--failed")
    assert SupportAction.objects.get().reason == "They called."


def test_does_without_the_name_of_whoever_runs_it(fail, monkeypatch):
    def nameless():
        raise KeyError("uid not found")

    fail()
    monkeypatch.setattr("getpass.getuser", nameless)
    requeue("--failed")
    assert SupportAction.objects.get().by_name == "somebody at the command line"


def test_continues_at_the_step_that_failed(fail, settle):
    meeting = fail("rejected.step2.x1@sandbox.invalid")
    requeue("--failed")
    settle()
    assert statuses(meeting) == ["failed", "succeeded"]
    steps = SyncAttempt.objects.values_list("step", flat=True)
    assert list(steps) == [1, 2, 2, 3]


def test_starts_again_after_an_edit(fail, settle):
    meeting = fail("rejected.step3.x1@sandbox.invalid")
    meeting.title = "Lunch"
    meeting.save()
    requeue("--failed")
    assert SyncRun.objects.first().step == SyncStep.CONTACTS
    settle()
    assert SandboxRecord.objects.get(kind="meeting").data["title"] == "Lunch"


def test_starts_again_after_an_edit_while_it_waited(fail, own_api, settle):
    meeting = fail("rejected.step3.x1@sandbox.invalid")
    requeue("--failed")
    own_api.patch(f"/meetings/{meeting.pk}", {"title": "Lunch"})
    settle()
    assert SandboxRecord.objects.get(kind="meeting").data["title"] == "Lunch"
    assert own_api.get(f"/meetings/{meeting.pk}/sync").json()["state"] == "synced"


def test_tells_also_what_the_run_before_had_written(fail, own_api, settle):
    meeting = fail("rejected.step3.x1@sandbox.invalid")
    requeue("--failed")
    settle()
    records = own_api.get(f"/meetings/{meeting.pk}/sync").json()["records"]
    assert [record["kind"] for record in records] == ["contact", "meeting", "note"]


def test_is_safe_to_run_twice(fail):
    meeting = fail()
    requeue("--failed")
    assert requeue("--failed") == "Re-queued 0 syncs, skipped 0."
    assert statuses(meeting) == ["failed", "queued"]


def test_looks_at_the_latest_run_only(fail, settle):
    meeting = fail("rejected.x1@sandbox.invalid")
    syncs.request_sync(meeting, by=None)
    settle()
    assert requeue("--failed") == "Re-queued 0 syncs, skipped 0."


def test_says_why_it_skips(fail, make_meeting, settle):
    syncing, synced = fail(), make_meeting()
    syncs.request_sync(synced, by=None)
    settle()
    syncs.request_sync(syncing, by=None)
    answer = requeue(meeting=[syncing.pk, synced.pk])
    assert answer == "Re-queued 0 syncs, skipped 2 (1 already synced, 1 already syncing)."


def test_skips_who_is_not_connected(fail, connection):
    fail()
    connections.disconnect(connection)
    assert requeue("--failed") == "Re-queued 0 syncs, skipped 1 (1 not connected)."


def test_puts_back_a_canceled_sync_that_is_named(connection, meeting):
    syncs.request_sync(meeting, by=None)
    syncs.cancel(meeting.pk)
    assert requeue("--failed") == "Re-queued 0 syncs, skipped 0."
    assert requeue(meeting=[meeting.pk]) == "Re-queued 1 syncs, skipped 0."


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({"error_code": "record_rejected"}, 1),
        ({"error_code": "attempts_exhausted"}, 1),
        ({"error_code": "record_locked"}, 1),  # It exhausted the tries.
        ({"error_code": "crm_timeout"}, 0),
        ({"provider": "sandbox"}, 2),
        ({"user": "Ann@example.com"}, 2),
        ({"user": "nobody@example.com"}, 0),
        ({"since": timezone.now() - timedelta(days=1)}, 2),
        ({"since": timezone.now() + timedelta(days=1)}, 0),
        ({"failed": True, "limit": 1}, 1),
    ],
)
def test_chooses_what_it_is_asked_for(fail, options, chosen):
    fail()
    fail("locked@sandbox.invalid")
    assert requeue(dry_run=True, **options) == preview(chosen)
    assert SyncRun.objects.count() == 2


@pytest.mark.parametrize("options", [{"limit": 0}, {"limit": -1}, {"rate": 0}, {"rate": -1.5}])
def test_needs_a_limit_and_a_rate_above_zero(db, options):
    with pytest.raises(CommandError, match="must be above zero"):
        call_command("requeue_syncs", failed=True, **options)
    [(name, value)] = options.items()
    with pytest.raises(CommandError, match=r"from 1 on|above zero"):
        call_command("requeue_syncs", "--failed", f"--{name}={value}")


def test_stops_counting_a_preview_before_anybody_has_to_wait(fail, monkeypatch):
    monkeypatch.setattr(counting, "MAX", 1)
    fail()
    fail()
    assert requeue("--failed", "--dry-run") == preview("more than 1")
    assert requeue("--failed", "--dry-run", limit=1) == preview(1)
    assert json.loads(requeue("--failed", "--dry-run", "--json"))["chosen"] == 2


def test_puts_nothing_back_twice_that_fails_again_at_once(fail, monkeypatch, settle):
    meetings = [fail() for _ in range(3)]
    monkeypatch.setattr("crmsync.management.commands.requeue_syncs.BATCH", 1)
    monkeypatch.setattr("time.sleep", lambda _: settle())
    assert requeue("--failed") == "Re-queued 3 syncs, skipped 0."
    assert {tuple(statuses(meeting)) for meeting in meetings} == {("failed", "failed")}


def test_interrupted_says_what_it_did_and_goes_on_when_started_again(fail, monkeypatch):
    for _ in range(3):
        fail()

    def interrupt(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("time.sleep", interrupt)
        with pytest.raises(CommandError, match=r"Re-queued 1 syncs, skipped 0\. Interrupted"):
            requeue("--failed")
    assert requeue("--failed") == "Re-queued 2 syncs, skipped 0."


def test_reads_no_more_rows_at_a_time_than_a_batch(fail, monkeypatch):
    for _ in range(5):
        fail()
    monkeypatch.setattr("crmsync.management.commands.requeue_syncs.BATCH", 2)
    with CaptureQueriesContext(database) as queries:
        assert requeue("--failed") == "Re-queued 5 syncs, skipped 0."
    reading = [q["sql"] for q in queries if "INNER JOIN" in q["sql"] and "LIMIT 2" in q["sql"]]
    assert len(reading) == 3


@pytest.mark.django_db(transaction=True)
def test_started_twice_at_once_starts_no_second_run(fail):
    meetings = [fail() for _ in range(6)]

    def requeue_all(_):
        try:
            return json.loads(requeue("--failed", "--json"))["requeued"]
        finally:
            database.close()

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(requeue_all, range(2))) == 6
    assert {tuple(statuses(meeting)) for meeting in meetings} == {("failed", "queued")}


def test_answers_machines_in_json(fail):
    fail()
    assert json.loads(requeue("--failed", "--json")) == {
        "chosen": 1,
        "requeued": 1,
        "skipped": {},
        "dry_run": False,
    }


@pytest.mark.parametrize("since", ["2026-05-04", "2026-05-04 12:00", "2026-05-04T12:00:00+02:00"])
def test_takes_a_day_or_a_moment(fail, since):
    assert requeue("--since", since) == "Re-queued 0 syncs, skipped 0."


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--limit", "3"],
        ["--since", "yesterday"],
        ["--error-code", "x"],
        ["--failed", "--rate", "0"],
        ["--failed", "--rate", "nan"],
        ["--failed", "--limit", "-1"],
    ],
)
def test_refuses_what_makes_no_sense(args):
    with pytest.raises(CommandError):
        call_command("requeue_syncs", *args)
