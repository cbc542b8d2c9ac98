import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_redis import get_redis_connection

from accounts.cache import versioned
from conftest import start_step
from meetings import cache, transitions
from meetings.models import Meeting, SyncStep

pytestmark = pytest.mark.django_db


def polled_step(meeting):
    return cache.get(meeting.pk)["in_progress_sync_status"]


def test_shows_what_was_committed_to_a_poll_between_the_commit_and_the_writing(meeting):
    assert polled_step(meeting) is None
    seen = []
    with transaction.atomic():
        # Registered first, so it runs after the commit and before the new copy is written.
        transaction.on_commit(lambda: seen.append(polled_step(meeting)))
        transitions.start_step(meeting.pk, SyncStep.CONTACTS)
    assert seen == [SyncStep.CONTACTS]


def test_shows_what_was_committed_when_the_writer_dies_after_the_commit(meeting, monkeypatch):
    assert polled_step(meeting) is None
    with monkeypatch.context() as dying:
        dying.setattr(cache, "store", lambda snapshot: None)
        start_step(meeting, SyncStep.CONTACTS)
    assert polled_step(meeting) == SyncStep.CONTACTS


def test_does_not_let_a_slow_reader_bring_back_what_was_before(meeting):
    read_before = cache.read(meeting.pk)
    start_step(meeting, SyncStep.CONTACTS)
    cache.store(read_before)
    assert polled_step(meeting) == SyncStep.CONTACTS


def test_does_not_let_a_slow_writer_bring_back_what_was_before(meeting):
    start_step(meeting, SyncStep.CONTACTS)
    written_first = cache.read(meeting.pk)
    start_step(meeting, SyncStep.MEETING)
    cache.store(written_first)
    assert polled_step(meeting) == SyncStep.MEETING


def test_shows_what_stands_after_a_rollback(meeting):
    start_step(meeting, SyncStep.CONTACTS)
    with transaction.atomic():
        transitions.start_step(meeting.pk, SyncStep.MEETING)
        transaction.set_rollback(True)
    assert polled_step(meeting) == SyncStep.CONTACTS
    start_step(meeting, SyncStep.NOTES)
    assert polled_step(meeting) == SyncStep.NOTES


def test_knows_no_deleted_meeting_even_from_a_slow_reader(meeting):
    read_before, pk = cache.read(meeting.pk), meeting.pk
    meeting.delete()
    cache.store(read_before)
    assert cache.get(pk) is None


def test_survives_the_loss_of_everything(meeting):
    start_step(meeting, SyncStep.CONTACTS)
    get_redis_connection("default").flushdb()
    assert polled_step(meeting) == SyncStep.CONTACTS


def test_ends_by_itself(meeting):
    polled_step(meeting)
    redis = get_redis_connection("default")
    assert 0 < redis.ttl(f"meeting:{meeting.pk}") <= versioned.TTL_SECONDS


@pytest.mark.django_db(transaction=True)
def test_never_shows_a_racing_poller_less_than_was_committed(meeting):
    """Pollers note what was committed before they ask; no answer may be older than that."""
    committed = 0
    done = threading.Event()

    def change() -> None:
        nonlocal committed
        for round_number in range(30):
            with transaction.atomic():
                transitions.start_step(meeting.pk, SyncStep.NOTES)
                transitions.record_success(meeting.pk, timezone.now())
            committed = 2 * (round_number + 1)
        done.set()
        connection.close()

    def poll() -> int:
        polls = 0
        while not done.is_set():
            before = committed
            assert cache.get(meeting.pk)["version"] >= before
            polls += 1
        connection.close()
        return polls

    with ThreadPoolExecutor(5) as pool:
        pollers = [pool.submit(poll) for _ in range(4)]
        pool.submit(change).result()
        assert sum(poller.result() for poller in pollers) > 0
    assert Meeting.objects.get().version == 60
