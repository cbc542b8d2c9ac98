"""One database of a size: made, filled, chosen."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.cache import cache
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection
from django.utils import timezone

from accounts.models import User
from crmsync.errors import CATALOGUE
from crmsync.metrics import totals
from crmsync.models import (
    Connection,
    Incident,
    RecentRuns,
    RecentSteps,
    RunTotals,
    StepTotals,
    SyncAttempt,
    SyncRun,
)
from meetings.models import Attendee, Meeting

FILLED = [User, Connection, Meeting, Attendee, SyncRun, SyncAttempt]
ROWS = Path(__file__).with_name("rows.sql")
OWNER = 1  # Who has far more meetings than anybody else.
RARE = "Zanzibar"  # In the titles of 40 meetings.


@dataclass(frozen=True)
class Size:
    """`owned` meetings are the owner's, spread evenly among those of the others."""

    name: str
    meetings: int
    owned: int

    @property
    def users(self) -> int:
        return max(100, self.meetings // 100)


def make(size: Size) -> None:
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
            _fill(cursor, size)
        _tidy(cursor)
    _add_the_few()
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


def _fill(cursor: Any, size: Size) -> None:
    values = {
        "meetings": size.meetings,
        "users": size.users,
        "owned": size.owned,
        "owner": OWNER,
        "codes": list(CATALOGUE),
        "rare": RARE,
        "now": timezone.now(),
    }
    cursor.execute(ROWS.read_text(), values)


def _tidy(cursor: Any) -> None:
    """As autovacuum leaves it, which would otherwise come while something is measured."""
    for statement in connection.ops.sequence_reset_sql(no_style(), FILLED):
        cursor.execute(statement)
    cursor.execute("VACUUM (ANALYZE)")
    cursor.execute("CHECKPOINT")


def _add_the_few() -> None:
    User.objects.create_superuser("support@example.com", "secret")
    held = Connection.objects.filter(state=Connection.State.NEEDS_REAUTH).order_by("pk")[:5]
    causes = [(it, "connection_expired") for it in held]
    causes.append((Connection.objects.get(pk=OWNER), "record_rejected"))
    Incident.objects.bulk_create(
        Incident(connection=it, provider=it.provider, cause=cause, syncs=1) for it, cause in causes
    )
    for provider in ("sandbox", "hubspot", "salesforce"):
        for status, code in (("succeeded", ""), ("failed", "record_rejected")):
            kind = {"provider": provider, "status": status, "error_code": code}
            RunTotals.objects.create(**kind, runs=10_000, attempts=30_000)
        for step in (1, 2, 3):
            StepTotals.objects.create(provider=provider, step=step, counts=[5] * 10, seconds=30)
    _add_a_day_of_totals()


def _add_a_day_of_totals() -> None:
    slots = [timezone.now() - n * totals.SLOT for n in range(timedelta(days=1) // totals.SLOT)]
    for provider in ("sandbox", "hubspot", "salesforce"):
        RecentRuns.objects.bulk_create(
            RecentRuns(since=totals.slot_of(at), provider=provider, status="succeeded", runs=9)
            for at in slots
        )
        RecentSteps.objects.bulk_create(
            RecentSteps(since=totals.slot_of(at), provider=provider, step=step, counts=[1] * 10)
            for at in slots
            for step in (1, 2, 3)
        )
