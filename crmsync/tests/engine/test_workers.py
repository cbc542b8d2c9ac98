from datetime import timedelta

import django_rq
import pytest
from django.utils import timezone
from rq import SimpleWorker

from crmsync.engine import hints, workers


@pytest.fixture
def worker():
    queue = django_rq.get_queue(hints.NAME)
    worker = SimpleWorker([queue], connection=queue.connection)
    worker.register_birth()
    return worker


def alive(seconds=0):
    """Those that count so many seconds from now."""
    return workers.alive(timezone.now() + timedelta(seconds=seconds))


def test_count_once_each(worker):
    worker.connection.hset(f"{worker.key}:executions", "x", 1)
    assert [found.pid for found in alive()] == [str(worker.pid)]


def test_count_until_their_heartbeat_is_old(worker):
    assert alive(seconds=workers.ALIVE_SECONDS - 1)
    assert not alive(seconds=workers.ALIVE_SECONDS + 1)


def test_do_not_count_once_they_have_stopped(worker):
    worker.register_death()
    assert not alive()


def test_count_again_after_redis_lost_everything(worker):
    worker.connection.flushdb()
    worker.heartbeat()
    assert alive()
