import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from crmsync.models import Connection, SyncRun
from crmsync.status.document import describe
from crmsync.status.state import ACTIONS, PHASES, valid_until
from meetings.models import Meeting

NOW = datetime(2026, 9, 1, 14, 31, 33, tzinfo=UTC)
LATER = NOW + timedelta(seconds=12)
BEFORE = NOW - timedelta(hours=1)

CONNECTED = {"state": "connected"}
HELD = {"state": "needs_reauth", "last_error": "connection_expired"}
UNAVAILABLE = {"error_code": "crm_unavailable", "failures": 1, "due_at": LATER}
SYNCED = {"last_sync_success": True, "last_sync_at": BEFORE}

# state: (meeting, run, connection)
CASES = {
    "not_connected": ({}, None, None),
    "never_synced": ({}, None, CONNECTED),
    "queued": ({}, {"status": "queued"}, CONNECTED),
    "syncing": ({"in_progress_sync_status": 2}, {"status": "running", "step": 2}, CONNECTED),
    "waiting": ({}, {"status": "queued", "wait_reason": "other_syncs"}, CONNECTED),
    "retrying": (
        {"in_progress_sync_status": 2, "last_sync_success": False},
        {"status": "retrying", "step": 2, **UNAVAILABLE},
        CONNECTED,
    ),
    "paused": ({}, {"status": "queued"}, HELD),
    "synced": (SYNCED, {"status": "succeeded", "started_at": NOW}, CONNECTED),
    "out_of_date": (SYNCED, {"status": "succeeded", "started_at": BEFORE}, CONNECTED),
    "failed": (
        {"last_sync_success": False},
        {"status": "failed", "error_code": "attempts_exhausted", "error_cause": "crm_timeout"},
        CONNECTED,
    ),
    "canceled": ({}, {"status": "canceled"}, CONNECTED),
}


# Other faces of the same states.
MORE_CASES = {
    "second try": (
        {"in_progress_sync_status": 1},
        {"status": "running", "failures": 1},
        CONNECTED,
    ),
    "rate_limited": ({}, {"status": "queued"}, {**CONNECTED, "not_before": LATER}),
    "by_support": ({}, {"status": "queued"}, {"state": "paused"}),
    "permission": (
        {},
        {"status": "queued"},
        {"state": "needs_reauth", "last_error": "permission_missing"},
    ),
    "rejected": (
        {"last_sync_success": False},
        {
            "status": "failed",
            "error_code": "record_rejected",
            "error_field": "e-mail address",
            "error_detail": "bob@@x is not valid",
        },
        CONNECTED,
    ),
}


def build(meeting, run, connection):
    link = connection and Connection(provider="sandbox", account_name="Acme", **connection)
    made = run and SyncRun(connection=link, **{"due_at": NOW, "reference": "SY-1", **run})
    return Meeting(pk=1, updated_at=NOW - timedelta(minutes=5), **meeting), made, link


def document(meeting, run, connection):
    return describe(*build(meeting, run, connection), NOW)


@pytest.mark.parametrize("state", CASES)
def test_is_derived_from_the_rows(state):
    read = document(*CASES[state])
    assert read["state"] == state
    assert read["phase"] == PHASES[state]
    assert read["actions"] == ACTIONS[state]


def test_has_a_case_for_every_state():
    assert set(CASES) == set(PHASES) == set(ACTIONS)


@pytest.mark.parametrize("state", CASES)
def test_shows_an_error_where_one_stands_in_the_way_and_only_there(state):
    shown = document(*CASES[state])["error"]
    assert bool(shown) == (state in {"retrying", "paused", "failed"})


@pytest.mark.parametrize("state", CASES)
def test_names_the_next_attempt_where_one_is_planned_and_only_there(state):
    planned = document(*CASES[state])["next_attempt_at"]
    assert bool(planned) == (state == "retrying")


@pytest.mark.parametrize("state", ["waiting", "retrying"])
def test_names_no_next_attempt_in_the_past(state):
    meeting, run, link = CASES[state]
    read = document(meeting, {**run, "due_at": BEFORE}, link)
    assert (read["next_attempt_at"], read["poll_after"]) == (None, 5)


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        ("never_synced", 60),
        ("queued", 2),
        ("retrying", 13),
        ("waiting", 5),
        ("paused", 30),
        ("synced", 60),
    ],
)
def test_says_when_to_ask_again(state, seconds):
    assert document(*CASES[state])["poll_after"] == seconds


@pytest.mark.parametrize("state", ["failed", "canceled"])
def test_asks_for_no_more_polls_once_it_stands_still(state):
    assert document(*CASES[state])["poll_after"] is None


def test_waits_for_the_crm_that_asked_to_slow_down():
    link = {**CONNECTED, "not_before": LATER}
    read = document({}, {"status": "queued"}, link)
    assert (read["state"], read["reason"]) == ("waiting", "rate_limited")
    assert read["next_attempt_at"] == LATER


def test_tells_a_pause_by_support_from_a_lost_connection():
    assert document(*CASES["paused"])["reason"] == "needs_reauth"
    read = document({}, {"status": "queued"}, {"state": "paused"})
    assert (read["reason"], read["error"]) == ("by_support", None)


def test_of_a_paused_run_shows_what_the_connection_met_and_not_the_run():
    read = document({}, {"status": "queued", "error_code": "crm_unavailable"}, HELD)
    assert read["error"]["code"] == "connection_expired"


def test_explains_what_exhausted_the_tries():
    error = document(*CASES["failed"])["error"]
    assert error["message"].endswith("Sandbox took too long to answer")
    assert (error["who"], error["reference"]) == ("support", "SY-1")
    assert error["help_url"] == "/help/attempts_exhausted"
    assert error["retryable"] is False


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("case", [*CASES, *MORE_CASES])
def test_reads_well(case, language):
    with translation.override(language):
        read = document(*{**CASES, **MORE_CASES}[case])
    texts = [read["headline"], read["detail"], read["next"]["text"]]
    assert all(texts)
    for text in texts:
        assert not re.search(r"[{}_]|None|HTTP|\b[45]\d\d\b", text), text
        assert text[0].isupper() or text[0].isdigit()
        assert not text.endswith(" ")
    assert not read["headline"].endswith(".")
    assert read["detail"].endswith((".", "”", "“", ")"))


@pytest.mark.parametrize("case", [*CASES, *MORE_CASES])
def test_reads_differently_in_german(case):
    values = {**CASES, **MORE_CASES}[case]
    english = document(*values)
    with translation.override("de"):
        german = document(*values)
    for name in ("headline", "detail"):
        assert english[name] != german[name]
    assert english["next"]["text"] != german["next"]["text"]


@pytest.mark.parametrize("case", CASES)
def test_never_says_failed_while_we_still_try(case):
    read = document(*CASES[case])
    if read["phase"] in {"active", "waiting"}:
        assert "fail" not in " ".join([read["headline"], read["detail"]]).lower()


@pytest.mark.parametrize("case", [*CASES, *MORE_CASES])
def test_says_that_nothing_is_lost_where_one_might_fear_it(case):
    read = document(*{**CASES, **MORE_CASES}[case])
    if read["phase"] in {"waiting", "stopped", "idle"}:
        assert re.search(r"othing (is|gets) lost|is safe here", read["detail"])


@pytest.mark.parametrize(
    ("case", "kind", "by"),
    [
        ("not_connected", "connect", "you"),
        ("never_synced", "sync", "you"),
        ("queued", "start", "system"),
        ("syncing", "finish", "system"),
        ("waiting", "resume", "system"),
        ("retrying", "retry", "system"),
        ("paused", "reconnect", "you"),
        ("permission", "reconnect", "crm_admin"),
        ("by_support", "resume", "support"),
        ("synced", "none", "nobody"),
        ("out_of_date", "sync", "you"),
        ("failed", "resolve", "support"),
        ("rejected", "resolve", "you"),
        ("canceled", "sync", "you"),
    ],
)
def test_says_who_acts_next(case, kind, by):
    upcoming = document(*{**CASES, **MORE_CASES}[case])["next"]
    assert (upcoming["kind"], upcoming["by"]) == (kind, by)


def test_of_a_retry_is_the_example_of_the_design():
    read = document(*CASES["retrying"])
    assert read["headline"] == "We will try again at 14:31 UTC"
    assert read["detail"] == "Sandbox is not answering. This was try 1 of 6. Nothing is lost."
    assert read["next"] == {
        "kind": "retry",
        "at": LATER,
        "by": "system",
        "text": "You need to do nothing. You can close this page.",
    }


def test_names_no_time_once_it_has_passed():
    meeting, run, link = CASES["retrying"]
    read = document(meeting, {**run, "due_at": BEFORE}, link)
    assert read["headline"] == "We will try again in a moment"


class TestProgress:
    RUN = {"status": "running", "expected_seconds": [2.0, 1.0, 1.0], "step_started_at": NOW}

    @pytest.mark.parametrize(("step", "percent"), [(1, 0), (2, 50), (3, 75)])
    def test_is_weighted_by_the_pace_of_the_steps(self, step, percent):
        run = {**self.RUN, "step": step}
        read = document({"in_progress_sync_status": step}, run, CONNECTED)["progress"]
        assert (read["step"], read["steps"], read["percent"]) == (step, 3, percent)

    def test_says_when_it_ends_about(self):
        run = {**self.RUN, "step": 2}
        read = document({"in_progress_sync_status": 2}, run, CONNECTED)
        assert read["progress"]["step_started_at"] == NOW
        assert read["progress"]["step_expected_seconds"] == 1
        assert read["progress"]["ends_about"] == NOW + timedelta(seconds=2)
        assert read["next"]["at"] == NOW + timedelta(seconds=2)

    def test_counts_a_retry_from_its_moment(self):
        meeting, run, link = CASES["retrying"]
        read = document(meeting, {**run, "expected_seconds": [2.0, 1.0, 1.0]}, link)["progress"]
        assert (read["percent"], read["step_started_at"]) == (50, None)
        assert read["ends_about"] == LATER + timedelta(seconds=2)

    def test_is_complete_only_when_synced(self):
        percents = {
            case: (document(*CASES[case])["progress"] or {}).get("percent") for case in CASES
        }
        complete = {case for case, percent in percents.items() if percent == 100}
        assert complete == {"synced", "out_of_date"}

    def test_is_none_before_the_first_sync(self):
        assert document(*CASES["never_synced"])["progress"] is None


@pytest.mark.parametrize("case", CASES)
def test_stays_the_same_until_the_moment_it_names(case):
    meeting, run, link = CASES[case]
    made = build(meeting, run, link)
    until = valid_until(made[1], NOW)
    later = until or NOW + timedelta(days=3)
    first = describe(*made, NOW)
    last = describe(*made, later - timedelta(milliseconds=1))
    assert {**first, "poll_after": 0} == {**last, "poll_after": 0}
    if case == "retrying":
        assert until == LATER
        assert describe(*made, until)["headline"] != first["headline"]


def test_counts_the_tries():
    read = document(*CASES["retrying"])
    assert (read["attempt"], read["max_attempts"]) == (1, 6)


def test_counts_the_tries_of_a_bug_as_it_stops_them():
    meeting, run, link = CASES["retrying"]
    read = document(meeting, {**run, "error_code": "unexpected_error"}, link)
    assert read["max_attempts"] == 3
