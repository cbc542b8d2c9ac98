from datetime import timedelta

import django_rq
import pytest
from django.db import OperationalError, connections
from django.utils import timezone
from rq import SimpleWorker

from crmsync import dispatcher
from crmsync.engine import hints
from crmsync.models import SyncRun
from crmsync.operations import syncs
from syncsite import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker():
    waiting = django_rq.get_queue(hints.NAME)
    worker = SimpleWorker([waiting], connection=waiting.connection)
    worker.register_birth()
    yield worker
    worker.register_death()


@pytest.fixture
def all_up(worker):
    dispatcher.sweep()


def test_is_alive_whatever_is_down(client, settings, unreachable_redis, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/livez").json() == {"status": "ok", "version": settings.VERSION}


def test_is_ready_when_every_part_is_up(client, all_up):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert set(response.json().values()) == {"ok"}
    assert set(response.json()) == {"status", "database", "redis", "workers", "dispatcher"}


def test_names_the_part_that_is_down(client):
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "status": "down",
        "database": "ok",
        "redis": "ok",
        "workers": "down",
        "dispatcher": "down",
    }


def test_is_not_ready_when_the_last_worker_was_killed(client, all_up, worker):
    worker.connection.delete(worker.key)  # What its time to live does.
    assert client.get("/readyz").json()["workers"] == "down"


def test_is_ready_again_after_redis_lost_everything(client, all_up, worker):
    worker.connection.flushdb()
    worker.heartbeat()
    dispatcher.sweep()
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_is_only_to_be_read(client, path):
    assert client.post(path).status_code == 405


def test_is_not_ready_without_redis(client, unreachable_redis):
    response = client.get("/readyz")
    assert response.status_code == 503
    assert (response.json()["redis"], response.json()["database"]) == ("down", "ok")


def test_is_not_ready_without_the_database(client, all_up, monkeypatch):
    def fail(*_):
        raise OperationalError

    monkeypatch.setattr(connections["default"], "cursor", fail)
    assert client.get("/readyz").json()["database"] == "down"


def test_is_not_ready_while_a_due_sync_waits_too_long(client, all_up, connection, meeting):
    run, _ = syncs.request_sync(meeting, by=None)
    assert client.get("/readyz").status_code == 200
    since = timezone.now() - timedelta(seconds=health.MAX_WAIT + 1)
    SyncRun.objects.filter(pk=run.pk).update(due_at=since, ready_since=since)
    assert client.get("/readyz").json()["workers"] == "down"


def test_asks_for_the_metrics_token_where_one_is_set(client, settings):
    settings.METRICS_TOKEN = "s3cret"
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer s3cret"}).status_code == 200
