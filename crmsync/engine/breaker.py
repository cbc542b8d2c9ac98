"""A circuit breaker for each CRM host: an outage fails nobody, and burns nobody's tries.

Some failures in a row, of several connections, open it. Then the host's runs wait, and one at a
time probes. The first success closes it, and the runs go on at a rising pace. Rows are locked in
the order connection, host, run, meeting; announce() holds no other locks.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from crmsync.connections import store
from crmsync.engine import hints, scheduling
from crmsync.errors import CrmError
from crmsync.models import Connection, CrmHost, SyncRun, SyncRunQuerySet

logger = structlog.get_logger(__name__)

CODES = {"crm_unavailable", "crm_timeout"}  # Failures that say something of the host.
MAX_FAILURES = 5
MIN_CONNECTIONS = 3  # Or all of them, if the host serves fewer.
# Runs go on in batches, each twice as large as the one before.
FIRST_BATCH, MAX_BATCH = 2, 512
BATCH_EVERY = timedelta(seconds=2)


def know_host(connection: Connection, name: str) -> None:
    """Remembers which host a connection leads to. It has none where `name` is empty."""
    known = connection.host.name if connection.host else ""
    if name != known:
        host = None
        if name:
            made = {"provider": connection.provider}
            host, _ = CrmHost.objects.get_or_create(name=name[:255], defaults=made)
        store.set_host(connection, host)


def count_outcome(connection: Connection, error: CrmError, now: datetime) -> bool:
    """Whether the host is out after this failure. Needs the connection's row locked."""
    if connection.host is None:
        return False
    if error.code in CODES:
        return _count_failure(connection, connection.host, now)
    if error.http_status is not None and error.http_status < 500:
        count_answer(connection, now)
    return False


def _count_failure(connection: Connection, known: CrmHost, now: datetime) -> bool:
    host = CrmHost.objects.select_for_update(no_key=True).get(pk=known.pk)
    if host.open_since is not None:
        return True
    host.failures += 1
    host.failing = sorted({*host.failing, connection.pk})[:MIN_CONNECTIONS]
    if host.failures >= MAX_FAILURES and len(host.failing) >= _connections_needed(host):
        host.open_since, host.probe_at, host.is_announced = now, now + _probe_every(), False
        _announce_after_commit(host)
    host.save()
    return host.open_since is not None


def _probe_every() -> timedelta:
    return timedelta(seconds=settings.SYNC_PROBE_SECONDS)


def _connections_needed(host: CrmHost) -> int:
    working = Connection.objects.filter(host=host).exclude(state=Connection.State.DISCONNECTED)
    return max(1, working[:MIN_CONNECTIONS].count())


def count_answer(connection: Connection, now: datetime) -> None:
    """The host answers, be it with a refusal. `connection` as it was read under its lock."""
    host = connection.host
    if host is None or not (host.failures or host.open_since):
        return
    _close(host, now)


@transaction.atomic
def _close(host: CrmHost, now: datetime) -> None:
    healthy = {"failures": 0, "failing": [], "open_since": None, "probe_at": None}
    rows = CrmHost.objects.filter(pk=host.pk)
    was_open = rows.exclude(open_since=None)
    if was_open.update(closed_at=now, is_announced=False, **healthy):
        _announce_after_commit(host)
    else:
        rows.update(**healthy)


def close_unused(now: datetime) -> None:
    """A host without waiting runs is probed by nobody; the next run finds out how it is."""
    waiting = SyncRun.objects.active().filter(connection__host=OuterRef("pk"))
    for host in CrmHost.objects.filter(~Exists(waiting), open_since__isnull=False):
        _close(host, now)


def lets_through(connection: Connection, now: datetime) -> bool:
    """Whether a run may call the host now. While it is out, one may at a time, as a probe."""
    if connection.host is None or connection.host.open_since is None:
        return True
    due = CrmHost.objects.filter(pk=connection.host.pk, probe_at__lte=now)
    return bool(due.update(probe_at=now + _probe_every()))


def select_probes(now: datetime) -> list[hints.Hint]:
    """One run for each host whose next probe is due, though the run may be due later."""
    probing = CrmHost.objects.filter(open_since__isnull=False, probe_at__lte=now)
    chosen = [run for host in probing if (run := _next_probe(host, now)) is not None]
    return [
        (run.pk, run.step)
        for run in chosen
        if _update_idle([run.pk], due_at=min(run.due_at, now), sent_at=now)
    ]


def _next_probe(host: CrmHost, now: datetime) -> SyncRun | None:
    """None while a hint may still be on its way."""
    # Planned retries come early only if an outage was what they met.
    may_try = Q(due_at__lte=now) | Q(error_code__in=CODES)
    runs = SyncRun.objects.active().reachable(now).filter(may_try, connection__host=host)
    first = runs.without_open_attempt().order_by(scheduling.PRIORITY, "due_at", "id").first()
    is_sent = first and first.sent_at and first.sent_at > now - scheduling.RESEND_AFTER
    return None if is_sent else first


def announce_pending() -> None:
    """What a process that died may have left undone."""
    for host in CrmHost.objects.filter(is_announced=False):
        announce(host.pk)


def _announce_after_commit(host: CrmHost) -> None:
    transaction.on_commit(partial(announce, host.pk), robust=True)


def announce(host_id: int) -> None:
    """Outdates all documents of the host's runs and, once it answers, lets them go on."""
    host = CrmHost.objects.get(pk=host_id)
    logger.warning("crm host", host=host.name, is_out=host.open_since is not None)
    store.touch_connections_of(host)
    if host.open_since is None:
        _release(host)
        store.touch_connections_of(host)  # Documents name when each goes on.
    CrmHost.objects.filter(pk=host_id, open_since=host.open_since).update(is_announced=True)


def _release(host: CrmHost) -> None:
    now = timezone.now()
    runs = SyncRun.objects.active().filter(connection__host=host).without_open_attempt()
    pks = list(runs.order_by("due_at", "id").values_list("pk", flat=True))
    for number, batch in enumerate(_growing_batches(pks)):
        _update_idle(batch, due_at=now + number * BATCH_EVERY, sent_at=None, ready_since=None)


@transaction.atomic
def _update_idle(pks: Sequence[int], **values: Any) -> int:
    """Leaves out runs that a worker holds, or is about to: their `due_at` is the lease."""
    # Two statements: within one, PostgreSQL would look for attempts before it waits for the lock.
    locked = SyncRun.objects.filter(pk__in=pks).order_by("pk")
    free = locked.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
    return (
        SyncRun.objects.active().filter(pk__in=list(free)).without_open_attempt().update(**values)
    )


def _growing_batches(pks: Sequence[int]) -> Iterator[Sequence[int]]:
    start, size = 0, FIRST_BATCH
    while start < len(pks):
        yield pks[start : start + size]
        start, size = start + size, min(size * 2, MAX_BATCH)


def long_out(now: datetime, limit: timedelta) -> SyncRunQuerySet:
    """Runs that have waited for a host for so long that there is no point in waiting on."""
    since = now - limit
    runs = SyncRun.objects.active().filter(created_at__lte=since)
    return runs.filter(connection__host__open_since__lte=since).without_open_attempt()
