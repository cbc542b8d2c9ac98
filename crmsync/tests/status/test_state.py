from datetime import timedelta

import pytest

from crmsync.status.actions import ACTIONS
from crmsync.status.document import describe
from crmsync.status.state import PHASES, valid_until
from crmsync.tests.status.cases import BEFORE, CASES, CONNECTED, HELD, LATER, NOW, build, document


@pytest.mark.parametrize("state", CASES)
def test_is_derived_from_the_rows(state):
    read = document(*CASES[state])
    assert read["state"] == state
    assert read["phase"] == PHASES[state]
    helping = ["help"] if read["error"] else []
    assert [action["name"] for action in read["actions"]] == [*ACTIONS[state], *helping]


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
def test_asks_for_polls_though_it_stands_still(state):
    """Support may put it back."""
    assert document(*CASES[state])["poll_after"] == 60


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


@pytest.mark.parametrize("time_zone", ["", "Europe/Berlin"])
@pytest.mark.parametrize("due_at", [LATER, NOW + timedelta(minutes=3), NOW + timedelta(hours=30)])
@pytest.mark.parametrize("case", CASES)
def test_stays_the_same_until_the_moment_it_names(case, due_at, time_zone):
    meeting, run, link = CASES[case]
    made = build(meeting, run and {**run, "due_at": due_at}, link)
    until = valid_until(made[1], NOW, time_zone)
    later = until or NOW + timedelta(days=3)
    first = describe(*made, NOW, time_zone=time_zone)
    last = describe(*made, later - timedelta(milliseconds=1), time_zone=time_zone)
    assert {**first, "poll_after": 0} == {**last, "poll_after": 0}
    if case == "retrying" and due_at != LATER:
        assert describe(*made, until, time_zone=time_zone)["headline"] != first["headline"]


def test_counts_the_tries():
    read = document(*CASES["retrying"])
    assert (read["attempt"], read["max_attempts"]) == (1, 6)


def test_counts_the_tries_of_a_bug_as_it_stops_them():
    meeting, run, link = CASES["retrying"]
    read = document(meeting, {**run, "error_code": "unexpected_error"}, link)
    assert read["max_attempts"] == 3
