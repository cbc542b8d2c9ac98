"""One database of a size: made, filled with COPY, chosen."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any

from django.core.cache import cache
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection

from accounts.models import User
from benchmarks.growth.fate import CODES, is_held, provider_of
from benchmarks.growth.rows import Rows, Table
from benchmarks.growth.size import OWNER, Size
from crmsync.models import Connection, Incident, RunTotals, StepTotals, SyncAttempt, SyncRun
from meetings.models import Attendee, Meeting

FILLED = [User, Connection, Meeting, Attendee, SyncRun, SyncAttempt]
LINES = 5000


def make(size: Size, now: datetime) -> None:
    choose("postgres")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {size.name}")
    choose(size.name)
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        # Rows that fit each other need no look at each foreign key.
        cursor.execute("SET statement_timeout = 0; SET session_replication_role = replica")
        cursor.execute("SET maintenance_work_mem = '256MB'")
        with _without_indexes(cursor):
            for table in Rows(size, now).tables():
                _copy(cursor, table)
        _tidy(cursor)
    _add_the_few(size)
    choose(size.name)


def choose(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name
    cache.clear()


@contextmanager
def _without_indexes(cursor: Any) -> Iterator[None]:
    """Making one over all rows is faster than adding each row to it."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE tablename = ANY(%s) AND indexdef NOT LIKE 'CREATE UNIQUE%%'",
        [[model._meta.db_table for model in FILLED]],
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _, definition in indexes:
        cursor.execute(definition)


def _copy(cursor: Any, table: Table) -> None:
    lines = table.lines()
    names = ", ".join(table.columns)
    with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        while text := "".join(islice(lines, LINES)):
            copy.write(text)


def _tidy(cursor: Any) -> None:
    """As autovacuum leaves it, which would otherwise come while something is measured."""
    for statement in connection.ops.sequence_reset_sql(no_style(), FILLED):
        cursor.execute(statement)
    cursor.execute("VACUUM (ANALYZE)")
    cursor.execute("CHECKPOINT")


def _add_the_few(size: Size) -> None:
    User.objects.create_superuser("support@example.com", "secret")
    held = [user for user in range(1, size.users + 1) if is_held(user)]
    causes = [(user, "connection_expired") for user in held[:5]] + [(OWNER, "record_rejected")]
    Incident.objects.bulk_create(
        Incident(connection_id=user, provider=provider_of(user), cause=cause, syncs=1)
        for user, cause in causes
    )
    for provider in ("sandbox", "hubspot", "salesforce"):
        RunTotals.objects.create(
            provider=provider, status="succeeded", runs=10_000, attempts=30_000
        )
        RunTotals.objects.create(
            provider=provider, status="failed", error_code=CODES[0], runs=200, attempts=1000
        )
        for step in (1, 2, 3):
            StepTotals.objects.create(provider=provider, step=step, counts=[5] * 10, seconds=30)
