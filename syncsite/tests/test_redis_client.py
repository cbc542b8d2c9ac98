"""A Redis that takes connections and never answers."""

import socket
import threading
import time
from contextlib import contextmanager

import django_rq
import pytest
import redis
from django.test import Client
from django_redis import get_redis_connection

from accounts.cache import versioned
from accounts.tokens import AccessToken
from conftest import PASSWORD
from crmsync.engine import hints
from crmsync.models import SyncRun
from crmsync.operations import syncs
from meetings import cache
from syncsite.redis_urls import with_timeouts

pytestmark = pytest.mark.django_db


class SilentServer:
    """Counts who connects; each connection that waits for an answer waits in vain."""

    def __init__(self):
        self.connections = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                self.connections.append(self.listener.accept())
            except OSError:
                return

    def close(self):
        self.listener.close()
        for connection, _ in self.connections:
            connection.close()


@pytest.fixture
def hung_redis(settings, monkeypatch):
    server = SilentServer()
    default = {**settings.CACHES["default"], "LOCATION": with_timeouts(server.url, 0.2)}
    settings.CACHES = {"default": default}
    connection = redis.Redis.from_url(with_timeouts(server.url, 0.4))
    hung_queue = django_rq.get_queue("crmsync", connection=connection)
    monkeypatch.setattr(hints, "_queue", lambda: hung_queue)
    monkeypatch.setattr(hints._breaker, "open_until", 0)
    yield server
    server.close()


@pytest.fixture
def client(user):
    return Client(headers={"Authorization": str(AccessToken.for_user(user))})


def kept(meeting):
    return versioned.get_many([cache.key(meeting.pk)]) != [None]


@contextmanager
def within(seconds):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


@pytest.mark.parametrize("name", ["sync_status", "last_sync_success", "sync", "runs", ""])
def test_costs_a_read_less_than_a_second(hung_redis, client, meeting, name):
    with within(1):
        assert client.get(f"/meetings/{meeting.pk}/{name}".rstrip("/")).status_code == 200


def test_costs_the_next_polls_nothing(hung_redis, client, meeting):
    path = f"/meetings/{meeting.pk}/sync_status"
    client.get(path)
    waits = len(hung_redis.connections)
    for _ in range(10):
        assert client.get(path).json() == {"in_progress_sync_status": None}
    assert len(hung_redis.connections) == waits == 1


@pytest.mark.parametrize("method", ["post", "delete"])
def test_costs_a_start_and_a_cancel_less_than_a_second(
    hung_redis, client, meeting, connection, method
):
    if method == "delete":
        SyncRun.objects.create(meeting=meeting, connection=connection)
    with within(1):
        assert getattr(client, method)(f"/meetings/{meeting.pk}/sync").status_code == 202


def test_costs_a_deletion_less_than_a_second(hung_redis, client, meeting, connection):
    SyncRun.objects.create(meeting=meeting, connection=connection)
    with within(1):
        assert client.delete(f"/meetings/{meeting.pk}").status_code == 204


def test_costs_a_log_in_and_a_new_password_less_than_a_second(hung_redis, client, user):
    login = {"email": user.email, "password": PASSWORD}
    with within(1):
        response = client.post("/authenticate", login, content_type="application/json")
        assert response.status_code == 200


def test_is_named_by_the_readiness_check_within_a_second(hung_redis, client):
    with within(1):
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert (answer.json()["redis"], answer.json()["database"]) == ("down", "ok")


def test_loses_no_sync(hung_redis, connection, meeting):
    run, _ = syncs.request_sync(meeting, by=None)
    assert SyncRun.objects.active().get() == run


def test_that_is_well_again_gets_every_fence_at_once(meeting, settings):
    """Reads still keep away from it, but an outdated copy must not survive in it."""
    cache.get(meeting.pk)
    pool = get_redis_connection("default").connection_pool
    pool.breaker.trip()
    cache.invalidate(meeting.pk, 1)
    pool.breaker.open_until = 0.0
    assert not kept(meeting)


def test_that_is_full_keeps_no_outdated_copy(meeting):
    cache.get(meeting.pk)
    client = get_redis_connection("default")
    assert kept(meeting)
    client.config_set("maxmemory", 1)
    try:
        cache.invalidate(meeting.pk, 1)
        assert not kept(meeting)
    finally:
        client.config_set("maxmemory", 0)


def test_that_is_full_keeps_nobody_signed_in(client, user, meeting):
    path = f"/meetings/{meeting.pk}/sync_status"
    assert client.get(path).status_code == 200
    redis = get_redis_connection("default")
    redis.config_set("maxmemory", 1)
    try:
        user.is_active = False
        user.save()
        assert client.get(path).status_code == 401
    finally:
        redis.config_set("maxmemory", 0)
