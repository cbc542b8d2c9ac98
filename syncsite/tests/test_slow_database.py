"""A PostgreSQL that does not answer in time; SQLite has a time-out of its own."""

import threading
import time

import pytest
from django.db import DatabaseError, OperationalError, transaction
from django.db import connection as database
from django.db.models.signals import pre_migrate

from conftest import api_of
from crmsync import jobs
from crmsync.models import SyncRun
from crmsync.operations import syncs
from meetings.models import Meeting

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(database.vendor != "postgresql", reason="PostgreSQL's time-outs"),
]


def limit(name, value):
    with database.cursor() as cursor:
        cursor.execute(f"SET {name} = %s", [value])


def limit_of(name):
    with database.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return cursor.fetchone()[0]


@pytest.fixture(autouse=True)
def _limits_of_a_new_connection():
    database.close()  # The one of the test run has migrated, and counts as one that migrates.
    yield
    database.close()


@pytest.fixture
def locked(meeting):
    """Somebody else holds the rows of the meeting and of its owner's connection."""
    held, done = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Meeting.objects.select_for_update().get(pk=meeting.pk)
            list(SyncRun.objects.select_for_update().select_related("connection"))
            held.set()
            done.wait(30)
        database.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    yield
    done.set()
    holder.join()


def test_has_limits_on_statements_locks_and_idle_transactions():
    assert limit_of("statement_timeout") == "10s"
    assert limit_of("lock_timeout") == "5s"
    assert limit_of("idle_in_transaction_session_timeout") == "3s"


def test_answers_503_instead_of_waiting_for_a_lock(locked, meeting):
    limit("lock_timeout", "100ms")
    response = api_of(meeting.user).patch(f"/meetings/{meeting.pk}", {"title": "Lunch"})
    assert response.status_code == 503
    assert response.json()["code"] == "unavailable"
    assert int(response["Retry-After"]) > 0


def test_leaves_a_hint_that_meets_a_lock_to_the_dispatcher(meeting, connection, request):
    run, _ = syncs.request_sync(meeting, by=None)
    request.getfixturevalue("locked")
    limit("lock_timeout", "100ms")
    jobs.sync_contacts(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempt, run.error_code) == ("queued", 0, "")


def test_frees_the_locks_of_a_worker_that_is_frozen_within_a_transaction(meeting):
    """What PostgreSQL waits for is shorter than what a request waits for."""
    seconds = {"lock_timeout": 5, "idle_in_transaction_session_timeout": 3}
    assert {name: int(limit_of(name).removesuffix("s")) for name in seconds} == seconds
    limit("idle_in_transaction_session_timeout", "100ms")

    def freeze():
        with transaction.atomic():
            Meeting.objects.select_for_update().get(pk=meeting.pk)
            time.sleep(0.5)
            Meeting.objects.get(pk=meeting.pk)

    with pytest.raises(DatabaseError):
        freeze()


def test_ends_a_statement_that_takes_too_long():
    limit("statement_timeout", "100ms")
    with pytest.raises(OperationalError), database.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")


def test_lets_a_migration_take_its_time():
    pre_migrate.send(sender=None, using="default")
    assert limit_of("statement_timeout") == "0"
    assert limit_of("lock_timeout") == "5s"
