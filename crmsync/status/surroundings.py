"""What a document says of other rows than its own: who is before it in line, who was told."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max, Q

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
    if run is None or not state.depends_on_others(run, now):
        return ALONE
    if state.is_unattended(run, now):
        return Surroundings(is_line_unattended=True, is_support_told=incidents.is_stall_known())
    return _read_line(run, now)


def _read_line(run: SyncRun, now: datetime) -> Surroundings:
    line = SyncRun.objects.active().filter(connection=run.connection_id).exclude(pk=run.pk)
    before = Q(due_at__lt=run.due_at) | Q(due_at=run.due_at, pk__lt=run.pk)
    is_running = Q(status=Status.RUNNING)
    waiting = line.exclude(is_running).filter(due_at__lte=now)
    ahead = waiting.filter(Q(status=Status.RETRYING) | before).count()
    latest = line.filter(is_running).aggregate(at=Max("started_at"))
    unattended = SyncRun.objects.overdue(now, now - state.UNATTENDED_AFTER)
    is_unattended = unattended.filter(connection=run.connection_id).exists()
    return Surroundings(
        position=ahead + 1,
        starts_about=None if is_unattended else _starts_about(run, ahead, latest["at"]),
        is_line_unattended=is_unattended,
        is_support_told=is_unattended and incidents.is_stall_known(),
    )


def _starts_about(run: SyncRun, ahead: int, latest_start: datetime | None) -> datetime | None:
    """Counted from the latest start, so that the estimate stays until one of them moves."""
    if latest_start is None:
        return None
    rounds = math.floor(ahead / settings.SYNC_CONCURRENCY_PER_CONNECTION) + 1
    return latest_start + timedelta(seconds=rounds * sum(state.expected_seconds_of(run)))
