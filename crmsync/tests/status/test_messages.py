"""What a person reads in each state."""

import re
from datetime import timedelta

import pytest
from django.utils import translation

from crmsync.tests.status.cases import BEFORE, CASES, CONNECTED, LATER, MORE_CASES, NOW, document


def test_explains_what_exhausted_the_tries():
    error = document(*CASES["failed"])["error"]
    assert error["message"].endswith("Sandbox took too long to answer.")
    assert (error["who"], error["reference"]) == ("support", "SY-1")
    assert error["help_url"].startswith("http://localhost:8000/help/attempts_exhausted?")
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
    assert read["headline"] == "We will try again in a moment"
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
