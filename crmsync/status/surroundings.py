"""What a document says of other rows than its own: who is before it in line, who was told."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, Max, Q, When

from crmsync.incidents import incidents
from crmsync.models import SyncRun
from crmsync.status import state

Status = SyncRun.Status


@dataclass(frozen=True)
class Surroundings:
    """`position`: in line, from 1. `starts_about` is an estimate. Both are None if unknown."""

    position: int | None = None
    starts_about: datetime | None = None
    is_line_unattended: bool = False
    is_support_told: bool = False


ALONE = Surroundings()


def read(run: SyncRun | None, now: datetime) -> Surroundings:
    return ALONE if run is None else read_many([run], now)[run.pk]


def read_many(runs: Sequence[SyncRun], now: datetime) -> dict[int, Surroundings]:
    """By run, of one connection's, in a fixed number of statements."""
    depending = [run for run in runs if state.depends_on_others(run, now)]
    in_line = [run for run in depending if not state.is_unattended(run, now)]
    around = dict.fromkeys((run.pk for run in runs), ALONE)
    if not depending:
        return around
    is_told = incidents.is_stall_known()
    unattended = Surroundings(is_line_unattended=True, is_support_told=is_told)
    around |= dict.fromkeys((run.pk for run in depending), unattended)
    return around | _read_lines(in_line, now, is_told=is_told)


def _read_lines(
    runs: Sequence[SyncRun], now: datetime, *, is_told: bool
) -> dict[int, Surroundings]:
    around = {}
    for connection_id in {run.connection_id for run in runs}:
        line = _Line(connection_id, now)
        for run in runs:
            if run.connection_id == connection_id:
                around[run.pk] = line.around(run, is_told=is_told)
    return around


class _Line:
    """The runs of a connection that wait for each other."""

    def __init__(self, connection_id: int, now: datetime) -> None:
        active = SyncRun.objects.active().filter(connection=connection_id)
        is_running = Q(status=Status.RUNNING)
        waiting = active.exclude(is_running).filter(due_at__lte=now)
        retrying = Case(When(status=Status.RETRYING, then=0), default=1)
        ordered = waiting.order_by(retrying, "due_at", "pk").values_list("pk", flat=True)
        self.places = {pk: place for place, pk in enumerate(ordered, start=1)}
        self.latest_start = active.filter(is_running).aggregate(at=Max("started_at"))["at"]
        unattended = SyncRun.objects.overdue(now, now - state.UNATTENDED_AFTER)
        self.is_unattended = unattended.filter(connection=connection_id).exists()

    def around(self, run: SyncRun, *, is_told: bool) -> Surroundings:
        position = self.places.get(run.pk, len(self.places) + 1)
        starts_about = _starts_about(run, position - 1, self.latest_start)
        return Surroundings(
            position=position,
            starts_about=None if self.is_unattended else starts_about,
            is_line_unattended=self.is_unattended,
            is_support_told=self.is_unattended and is_told,
        )


def _starts_about(run: SyncRun, ahead: int, latest_start: datetime | None) -> datetime | None:
    """Counted from the latest start, so that the estimate stays until one of them moves."""
    if latest_start is None:
        return None
    rounds = math.floor(ahead / settings.SYNC_CONCURRENCY_PER_CONNECTION) + 1
    return latest_start + timedelta(seconds=rounds * sum(state.expected_seconds_of(run)))
