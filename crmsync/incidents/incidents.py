"""The only writer of Incident: one row for each cause that keeps syncs from succeeding.

A failure records its cause in its own transaction. review() does what needs more than one row:
it groups what many connections of a provider share, detects a stalled system, resolves what has
recovered, and requests one alert at the start and one at the end. Any number of processes may
review at once.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from crmsync.errors import BLOCKING_CODES
from crmsync.incidents import alerts
from crmsync.incidents.routes import OUTAGE, THEIRS
from crmsync.models import Alert, Connection, CrmHost, Incident, SyncRun

PROVIDER_THRESHOLD = 5  # Connections that fail alike within CORRELATION_WINDOW.
CORRELATION_WINDOW = timedelta(minutes=10)
ALERT_DELAY = timedelta(seconds=10)  # Until then it may turn out to be part of a larger incident.
# Anybody can open accounts and have their syncs fail. Those say nothing about a CRM.
MIN_AGE = timedelta(hours=1)  # Of a connection.
SANDBOX = "sandbox"
# A pause by support repairs nothing.
BLOCKED_STATES = (Connection.State.NEEDS_REAUTH, Connection.State.PAUSED)
RESOLVE_AFTER_QUIET = timedelta(minutes=1)  # One success between failures is not a recovery.


def record_failure(connection: Connection, cause: str, now: datetime) -> None:
    """For a sync that failed for good or waits for its owner. Needs the connection's row locked."""
    known = open_incidents().filter(connection=connection, cause=cause)
    if not known.update(last_seen_at=now):
        Incident.objects.create(
            connection=connection,
            provider=connection.provider,
            cause=cause,
            opened_at=now,
            last_seen_at=now,
            snoozed_until=_snoozed_until(connection, cause),
        )
    for incident in known:
        known.filter(pk=incident.pk).update(syncs=_count_meetings(incident))


def _count_meetings(incident: Incident) -> int:
    """Each counts once, however often its sync was put back."""
    runs = SyncRun.objects.with_cause(incident.cause).filter(connection=incident.connection)
    since = Q(finished_at=None) | Q(finished_at__gte=incident.opened_at)
    return runs.filter(since).order_by().values("meeting").distinct().count()


def snooze(pk: int, until: datetime) -> bool:
    """Silences it until then. If it is still open afterwards, it alerts once more."""
    return bool(open_incidents().filter(pk=pk).update(snoozed_until=until, alerted_at=None))


def end_snooze(pk: int) -> bool:
    """What is still open alerts at the next review."""
    snoozed = open_incidents().filter(pk=pk, snoozed_until__gt=timezone.now())
    return bool(snoozed.update(snoozed_until=None))


def resolve(pk: int, now: datetime, *, by: str, note: str) -> bool:
    """By a person. If its cause is seen again, a new one opens."""
    incident = open_incidents().filter(pk=pk).first()
    return incident is not None and _resolve_one(incident, now, resolved_by=by, note=note)


def open_incidents() -> QuerySet[Incident]:
    return Incident.objects.filter(resolved_at=None)


def is_stall_known() -> bool:
    """Whether support was told that syncs are not worked on: by mail, or else on its start page."""
    on_its_way = Alert.objects.filter(incident=OuterRef("pk"), delivered_at=None)
    stalls = open_incidents().filter(connection=None, provider="").exclude(alerted_at=None)
    return stalls.exclude(Exists(on_its_way)).exists()


def review(now: datetime) -> None:
    _group_by_provider(now)
    _watch_for_stalls(now)
    _watch_for_outages(now)
    _count_affected()
    _resolve_recovered(now)
    _alert(now)


def _snoozed_until(connection: Connection, cause: str) -> datetime | None:
    """An incident that returns while snoozed stays snoozed."""
    before = Incident.objects.filter(connection=connection, cause=cause)
    return before.values_list("snoozed_until", flat=True).first()


def _group_by_provider(now: datetime) -> None:
    of_one = open_incidents().filter(connection__isnull=False, part_of=None)
    recent = of_one.filter(last_seen_at__gte=now - CORRELATION_WINDOW).exclude(provider=SANDBOX)
    for provider, cause in recent.order_by().values_list("provider", "cause").distinct():
        alike = open_incidents().filter(connection=None, provider=provider, cause=cause)
        if alike.exists() or _count_failing(provider, cause, now) >= PROVIDER_THRESHOLD:
            provider_incident, _ = Incident.objects.get_or_create(
                connection=None, provider=provider, cause=cause, resolved_at=None
            )
            of_one.filter(provider=provider, cause=cause).update(part_of=provider_incident)


def _count_failing(provider: str, cause: str, now: datetime) -> int:
    """Connections that recently failed for this cause, or are retrying because of it."""
    established = {"provider": provider, "connection__connected_at__lte": now - MIN_AGE}
    failed = open_incidents().filter(
        cause=cause, last_seen_at__gte=now - CORRELATION_WINDOW, **established
    )
    retrying = SyncRun.objects.filter(
        status=SyncRun.Status.RETRYING, error_code=cause, **established
    )
    return len(
        {
            *failed.values_list("connection", flat=True)[:PROVIDER_THRESHOLD],
            *retrying.order_by()
            .values_list("connection", flat=True)
            .distinct()[:PROVIDER_THRESHOLD],
        }
    )


def _watch_for_stalls(now: datetime) -> None:
    stall, syncs = _find_stall(now)
    of_syncsite = open_incidents().filter(connection=None, provider="")
    for incident in of_syncsite.exclude(cause=stall):
        _resolve_one(incident, now)
    if stall:
        Incident.objects.get_or_create(connection=None, provider="", cause=stall, resolved_at=None)
        of_syncsite.filter(cause=stall).update(last_seen_at=now, syncs=syncs)


def _watch_for_outages(now: datetime) -> None:
    """Of hosts that an established connection leads to."""
    established = Connection.objects.filter(host=OuterRef("pk"), connected_at__lte=now - MIN_AGE)
    out = CrmHost.objects.filter(Exists(established), open_since__isnull=False)
    for host in out:
        named: dict[str, Any] = {
            "connection": None,
            "provider": host.provider,
            "host_name": host.name,
        }
        Incident.objects.get_or_create(**named, cause=OUTAGE, resolved_at=None)
        waiting = SyncRun.objects.active().filter(connection__host=host).count()
        open_incidents().filter(**named).update(last_seen_at=now, syncs=Greatest("syncs", waiting))
    over = open_incidents().filter(cause=OUTAGE).exclude(host_name__in=out.values("name"))
    for incident in over:
        _resolve_one(incident, now)


def _find_stall(now: datetime) -> tuple[str, int]:
    """The stall, or an empty string, and how many syncs it holds up."""
    before = now - timedelta(minutes=settings.SYNC_STALL_MINUTES)
    unattended_since = now - SyncRun.UNATTENDED_AFTER
    overdue = SyncRun.objects.overdue(now, unattended_since)
    unsent = overdue.filter(Q(sent_at=None) | Q(sent_at__lte=unattended_since))
    stuck = SyncRun.objects.stuck_since(before, now)
    succeeded = SyncRun.objects.filter(status=SyncRun.Status.SUCCEEDED, finished_at__gte=before)
    for stall, runs in (("nothing_dispatched", unsent), ("overdue", overdue)):
        if runs.exists():
            return stall, runs.count()
    if stuck.exists() and not succeeded.exists():
        return "no_success", stuck.count()
    return "", 0


def _count_affected() -> None:
    waiting = SyncRun.objects.active().filter(connection=OuterRef("connection")).order_by()
    held = Coalesce(Subquery(waiting.values("connection").values(n=Count("pk"))), 0)
    of_one = open_incidents().filter(
        connection__state=Connection.State.NEEDS_REAUTH, cause__in=BLOCKING_CODES
    )
    of_one.annotate(held=held).filter(syncs__lt=F("held")).update(syncs=held)
    for provider_incident in open_incidents().filter(connection=None).exclude(provider=""):
        seen = provider_incident.parts.aggregate(
            syncs=Sum("syncs"), last_seen_at=Max("last_seen_at")
        )
        if seen["syncs"] is not None:
            Incident.objects.filter(pk=provider_incident.pk).update(**seen)


def _resolve_recovered(now: datetime) -> None:
    successes = SyncRun.objects.filter(
        status=SyncRun.Status.SUCCEEDED, finished_at__gt=OuterRef("last_seen_at")
    )
    of_one = open_incidents().filter(connection__isnull=False)
    of_many = open_incidents().filter(connection=None, host_name="").exclude(provider="")
    left = SyncRun.objects.filter(
        Q(error_code=OuterRef("cause")) | Q(error_cause=OuterRef("cause")),
        connection=OuterRef("connection"),
        connection__state__in=[*BLOCKED_STATES, Connection.State.CONNECTED],
        connection__account_number=F("account_number"),
        status=SyncRun.Status.FAILED,
    ).latest_of_each()
    trying = SyncRun.objects.active().filter(connection=OuterRef("connection"))
    quiet = Q(last_seen_at__lte=now - RESOLVE_AFTER_QUIET) & ~Q(cause__in=BLOCKING_CODES)
    still_held = open_incidents().filter(part_of=OuterRef("pk"))
    over = [
        of_one.filter(quiet, Exists(successes.filter(connection=OuterRef("connection")))),
        # Deleted, synced since, or of a former account; and none is being tried once more.
        of_one.filter(quiet, ~Exists(left), ~Exists(trying)),
        of_one.filter(cause__in=BLOCKING_CODES).exclude(connection__state__in=BLOCKED_STATES),
        of_many.filter(quiet, Exists(successes.filter(provider=OuterRef("provider")))),
        of_many.filter(~Exists(still_held), cause__in=BLOCKING_CODES),
    ]
    for incidents in over:
        for incident in incidents:
            _resolve_one(incident, now, incident.last_seen_at)


@transaction.atomic
def _resolve_one(
    incident: Incident, now: datetime, as_read: datetime | None = None, **why: str
) -> bool:
    """Skips an incident that was seen again since it was read."""
    unchanged = {"last_seen_at": as_read} if as_read else {}
    if not open_incidents().filter(pk=incident.pk, **unchanged).update(resolved_at=now, **why):
        return False
    open_incidents().filter(part_of=incident.pk).update(resolved_at=now, **why)
    # Everybody who was told of it is told that it is over, snoozed or not.
    if incident.alerts.exists():
        alerts.request(incident, Alert.Kind.RESOLVED)
    return True


def _alert(now: datetime) -> None:
    is_stall = Q(connection=None, provider="")  # It is no part of anything larger.
    silent = Q(snoozed_until__gt=now) | (Q(opened_at__gt=now - ALERT_DELAY) & ~is_stall)
    # The customer is told of these; nobody else can mend them.
    silent |= Q(connection__isnull=False, cause__in=THEIRS)
    for incident in open_incidents().filter(part_of=None, alerted_at=None).exclude(silent):
        with transaction.atomic():
            if open_incidents().filter(pk=incident.pk, alerted_at=None).update(alerted_at=now):
                alerts.request(incident, Alert.Kind.OPENED)
