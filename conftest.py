import gc
import io
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import django_rq
import pytest
import redis
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection as database
from django.db import transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone, translation
from rest_framework.test import APIClient
from rq import SimpleWorker

from accounts.cache import counters, request_counts
from accounts.models import User
from accounts.tokens import AccessToken
from crmsync import dispatcher
from crmsync.engine import step_durations
from crmsync.fields import Sealed
from crmsync.models import Connection
from crmsync.providers.sandbox import CONNECTION
from meetings import transitions
from meetings.models import Attendee, Meeting, SyncStep
from syncsite.demo.valkey import EmbeddedValkey
from syncsite.tests import settings as test_settings
from syncsite.tests.commits import run_commit_hooks_in_tests

PASSWORD = "correct horse"  # noqa: S105


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(test_settings.FOLDER, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones start first, so that none of them runs alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """What is loaded by now stays, so there is no garbage to look for in it."""
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: the slow tests wait more than they work."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def redis_server() -> Iterator[None]:
    if not test_settings.OWN_REDIS:
        yield
        return
    valkey = EmbeddedValkey(test_settings.SOCKET, test_settings.FOLDER, keeps_data=False)
    valkey.start()
    yield
    valkey.stop()


@pytest.fixture(scope="session", autouse=True)
def commit_hooks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        run_commit_hooks_in_tests(patch)
        yield


@pytest.fixture(scope="session")
def queue_redis(redis_server: None) -> redis.Redis:
    return django_rq.get_connection("crmsync")


@pytest.fixture(autouse=True)
def empty_redis(queue_redis: redis.Redis) -> None:
    counters.flush()
    request_counts.forget()
    step_durations.forget()
    queue_redis.flushdb()
    cache.clear()


@pytest.fixture(autouse=True)
def english() -> None:
    """A request leaves its language behind in the thread, which the tests share."""
    translation.deactivate()


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("ann@example.com", PASSWORD)


@pytest.fixture
def stranger(db: None) -> User:
    return User.objects.create_user("stranger@example.com", PASSWORD)


@pytest.fixture
def connection(user: User) -> Connection:
    return Connection.objects.create(user=user, credentials=Sealed.seal({}), **CONNECTION)


MakeMeeting = Callable[..., Meeting]


@pytest.fixture
def make_meeting(user: User) -> MakeMeeting:
    def make(*emails: str, owner: User | None = None, **values: object) -> Meeting:
        now = timezone.now().replace(microsecond=0)
        content = {"title": "Kick-off", "notes": "Forty seats.", "starts_at": now}
        content |= {"ends_at": now + timedelta(hours=1)} | values
        meeting = Meeting.objects.create(user=owner or user, **content)
        Attendee.objects.bulk_create(Attendee(meeting=meeting, email=email) for email in emails)
        return meeting

    return make


@pytest.fixture
def meeting(make_meeting: MakeMeeting) -> Meeting:
    return make_meeting("ann@acme.example", "bob@acme.example")


@pytest.fixture
def api() -> APIClient:
    return APIClient()


def api_of(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=str(AccessToken.for_user(user)))
    return client


@pytest.fixture
def own_api(user: User) -> APIClient:
    return api_of(user)


def start_step(meeting: Meeting, step: int) -> None:
    with transaction.atomic():
        transitions.start_step(meeting.pk, SyncStep(step))


def run_command(name: str, *args: object, **options: object) -> str:
    """What the command prints."""
    output = io.StringIO()
    call_command(name, *args, stdout=output, **options)
    return output.getvalue()


def in_threads(*calls: Callable[[], object]) -> list[Any]:
    """What the calls return, all made at once, each with a database connection of its own."""

    def closing(call: Callable[[], object]) -> object:
        try:
            return call()
        finally:
            database.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(closing, calls))


class BurstWorker(SimpleWorker):
    """Takes no commands: the thread that listens for them needs up to a second to end."""

    def subscribe(self) -> None:
        pass


def work_hints() -> None:
    """A real RQ worker takes every hint that waits, those that its own jobs send included."""
    queue = django_rq.get_queue("crmsync")
    worker = BurstWorker([queue], connection=queue.connection, serializer=queue.serializer)
    worker.work(burst=True, logging_level="WARNING")


@pytest.fixture
def settle() -> Callable[[], None]:
    """Runs the dispatcher and a worker in turn until nothing is due."""

    def run_until_idle() -> None:
        work_hints()
        while dispatcher.sweep().hints:
            work_hints()

    return run_until_idle


@pytest.fixture
def redis_commands(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Collects the commands that are sent to Redis meanwhile."""
    send = redis.connection.AbstractConnection.send_command

    @contextmanager
    def collect() -> Iterator[list[tuple[Any, ...]]]:
        sent: list[tuple[Any, ...]] = []

        def note(self: Any, *args: Any, **kwargs: Any) -> None:
            sent.append(args)
            send(self, *args, **kwargs)

        with monkeypatch.context() as patched:
            patched.setattr("redis.connection.AbstractConnection.send_command", note)
            yield sent

    return collect


@pytest.fixture
def count_all_queries(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Collects the statements of all threads meanwhile; Django's own counts those of one."""
    execute = CursorWrapper.execute

    @contextmanager
    def collect() -> Iterator[list[str]]:
        made: list[str] = []

        def note(self: Any, sql: str, params: Any = None) -> Any:
            made.append(sql)
            return execute(self, sql, params)

        with monkeypatch.context() as patched:
            patched.setattr(CursorWrapper, "execute", note)
            yield made

    return collect


@pytest.fixture
def unreachable_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call to Redis is refused, as by a server that is down."""

    def refuse(self: object, *args: object, **kwargs: object) -> None:
        raise redis.ConnectionError("refused")

    monkeypatch.setattr("redis.connection.AbstractConnection.connect", refuse)
    monkeypatch.setattr("redis.connection.AbstractConnection.can_read", refuse)
    monkeypatch.setattr("redis.connection.AbstractConnection.send_packed_command", refuse)
