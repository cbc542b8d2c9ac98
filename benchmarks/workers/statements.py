"""What one sync asks of the database and of Redis, counted in this process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from django.db import connection as database
from django.db import transaction
from redis.connection import AbstractConnection

from benchmarks.results import Goal
from benchmarks.services import Services
from benchmarks.workers import ours
from crmsync.engine import steps
from crmsync.models import SyncRun
from meetings import transitions
from meetings.models import Meeting, SyncStep

SYNCS = 5
MAX_STATEMENTS = 30
MAX_ROUND_TRIPS = 8


def run(services: Services) -> list[Goal]:
    services.empty()
    ours.submit(1 + SYNCS)
    _record_contents()
    first, *others = SyncRun.objects.order_by("pk")
    _perform(first)  # What a process keeps, it keeps by then.
    with _counted() as (statements, round_trips):
        for run in others:
            _perform(run)
    assert SyncRun.objects.filter(status="succeeded").count() == 1 + SYNCS
    return [
        Goal("statements of a sync", len(statements) / SYNCS, MAX_STATEMENTS, ""),
        Goal("Redis round trips of a sync", len(round_trips) / SYNCS, MAX_ROUND_TRIPS, ""),
    ]


@transaction.atomic
def _record_contents() -> None:
    """As the API does for each meeting that it saves."""
    for pk in Meeting.objects.values_list("pk", flat=True):
        transitions.record_content(pk)


def _perform(run: SyncRun) -> None:
    for step in SyncStep:
        steps.perform(run.pk, step)


@contextmanager
def _counted() -> Iterator[tuple[list[str], list[Any]]]:
    statements: list[str] = []
    round_trips: list[Any] = []
    send = AbstractConnection.send_packed_command

    def note_statement(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    def note_round_trip(self: Any, command: Any, *args: Any, **options: Any) -> Any:
        round_trips.append(command)
        return send(self, command, *args, **options)

    noting = patch.object(AbstractConnection, "send_packed_command", note_round_trip)
    with database.execute_wrapper(note_statement), noting:
        yield statements, round_trips
