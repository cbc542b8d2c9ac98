from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError
from django.db import connection as database

from crmsync.engine import claims, outcomes, step_durations
from crmsync.errors import CrmError
from crmsync.models import StepDuration, SyncRun
from crmsync.operations import syncs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def write_at_once(monkeypatch):
    monkeypatch.setattr(step_durations, "WRITE_EVERY", 0)


USUAL = list(step_durations.DEFAULT_SECONDS.values())


def learn(step, *seconds):
    for each in seconds:
        step_durations.record("sandbox", step, each)


def test_is_the_usual_one_until_five_successes():
    learn(2, 9, 9, 9, 9)
    assert step_durations.expected_seconds("sandbox") == USUAL
    learn(2, 9)
    assert step_durations.expected_seconds("sandbox") == [USUAL[0], 9, USUAL[2]]


def test_is_the_median_so_that_one_slow_answer_changes_little():
    learn(1, 2, 2, 2, 3, 600)
    assert step_durations.expected_seconds("sandbox")[0] == 2


def test_is_that_of_the_last_fifty(monkeypatch):
    monkeypatch.setattr(step_durations, "MAX_SAMPLES", 5)
    learn(1, 9, 9, 9, 9, 9, 1, 1, 1)
    assert StepDuration.objects.get().recent == [9, 9, 1, 1, 1]
    assert step_durations.expected_seconds("sandbox")[0] == 1


def test_is_learned_for_each_provider():
    learn(1, 9, 9, 9, 9, 9)
    assert step_durations.expected_seconds("hubspot") == USUAL


def test_is_never_nothing():
    learn(1, 0, 0, 0, 0, 0)
    assert step_durations.expected_seconds("sandbox")[0] > 0


def test_is_learned_by_many_at_once():
    def learn_one(_):
        try:
            learn(1, 2)
        finally:
            database.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(learn_one, range(12)))
    assert 1 <= len(StepDuration.objects.get().recent) <= 12


def test_is_written_every_few_seconds(monkeypatch):
    learn(3, 1)
    monkeypatch.setattr(step_durations, "WRITE_EVERY", 60)
    learn(3, 2, 3)
    assert StepDuration.objects.get().recent == [1]
    monkeypatch.setattr(step_durations, "WRITE_EVERY", 0)
    learn(3, 4)
    assert StepDuration.objects.get().recent == [1, 2, 3, 4]


def test_is_learned_from_successes_only(connection, meeting):
    run, _ = syncs.request_sync(meeting, by=None)
    outcomes.fail_step(claims.claim(run.pk, 1), CrmError("crm_unavailable"))
    assert not StepDuration.objects.exists()
    outcomes.complete_step(claims.claim(run.pk, 1), [])
    assert len(StepDuration.objects.get(step=1).recent) == 1


def test_of_a_run_stays_what_it_was_when_the_run_began(connection, meeting):
    run, _ = syncs.request_sync(meeting, by=None)
    learn(1, 9, 9, 9, 9, 9)
    run.refresh_from_db()
    assert run.expected_seconds == USUAL


def test_that_cannot_be_learned_ends_no_sync(connection, meeting, settle, monkeypatch):
    def fail(*_):
        raise DatabaseError("no space left")

    monkeypatch.setattr(step_durations, "record", fail)
    syncs.request_sync(meeting, by=None)
    settle()
    assert SyncRun.objects.get().status == "succeeded"
