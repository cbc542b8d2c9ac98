import django_rq
import pytest

from crmsync.engine import hints
from meetings.models import SyncStep


@pytest.fixture
def batches(monkeypatch):
    """How many hints RQ was given at a time."""
    monkeypatch.setattr(hints, "BATCH", 3)
    sizes = []
    enqueue_many = hints.Queue.enqueue_many

    def note(self, *args, **kwargs):
        jobs = enqueue_many(self, *args, **kwargs)
        sizes.append(len(jobs))
        return jobs

    monkeypatch.setattr(hints.Queue, "enqueue_many", note)
    return sizes


def run_ids():
    return [job.args[0] for job in django_rq.get_queue(hints.NAME).jobs]


def test_sends_every_hint_in_batches(batches):
    hints.send_hints((number, SyncStep.CONTACTS) for number in range(8))
    assert run_ids() == list(range(8))
    assert batches == [3, 3, 2]


def test_asks_for_no_more_than_a_batch_ahead(batches):
    asked = []

    def many():
        for number in range(6):
            asked.append(number - hints.length())
            yield number, SyncStep.CONTACTS

    hints.send_hints(many())
    assert max(asked) == 2


def test_puts_what_has_begun_first():
    hints.send_hints([(1, SyncStep.CONTACTS), (2, SyncStep.CONTACTS), (3, SyncStep.NOTES)])
    assert run_ids() == [3, 1, 2]


def test_sends_nothing_where_nothing_is_due(redis_commands):
    with redis_commands() as commands:
        hints.send_hints([])
    assert commands == []
