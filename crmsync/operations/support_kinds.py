"""What each kind of support action does to one target, and what it would do to many."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from crmsync.connections import store
from crmsync.incidents import incidents
from crmsync.models import Connection, Customer, Incident, SupportAction, SyncRun
from crmsync.operations import connections, passwords, syncs
from crmsync.operations.requeue import Outcome, preview_requeue, requeue
from meetings.models import Meeting
from meetings.transitions import TransitionRefusedError

Kind = SupportAction.Kind
Targets = Sequence[int]


@dataclass(frozen=True)
class Effect:
    """Outcomes in words; which of many targets it can act on now; how it acts on one."""

    done: str
    not_done: str
    able: Callable[[Targets], Iterable[int]]
    act: Callable[[SupportAction, int], bool]


def preview(kind: str, targets: Targets) -> dict[int, str]:
    """The outcome that each target would have now."""
    if kind in (Kind.REQUEUE, Kind.RESTART):
        return _preview_requeue(kind, targets)
    effect = EFFECTS[kind]
    able = set(effect.able(targets))
    return {target: effect.done if target in able else effect.not_done for target in targets}


def carry_out(action: SupportAction, target: int) -> str:
    """Its outcome."""
    if action.kind in (Kind.REQUEUE, Kind.RESTART):
        return _requeue(action, target)
    effect = EFFECTS[action.kind]
    return effect.done if effect.act(action, target) else effect.not_done


def _preview_requeue(kind: str, targets: Targets) -> dict[int, str]:
    latest = SyncRun.objects.filter(meeting__in=targets).latest_of_each()
    foreseen = {
        run.meeting_id: preview_requeue(run, from_start=kind == Kind.RESTART)
        for run in latest.select_related("connection__host")
    }
    return {target: foreseen.get(target, Outcome.NEVER_SYNCED) for target in targets}


def _requeue(action: SupportAction, meeting_id: int) -> str:
    meeting = Meeting.objects.filter(pk=meeting_id).first()
    if meeting is None:
        return Outcome.DELETED
    from_start = action.kind == Kind.RESTART
    return requeue(meeting, action.by, action.reason, from_start=from_start)


def _cancel(action: SupportAction, meeting_id: int) -> bool:
    try:
        return syncs.cancel(meeting_id)
    except TransitionRefusedError:  # The meeting was deleted, and its sync with it.
        return False


def _retry(action: SupportAction, meeting_id: int) -> bool:
    run = _retrying([meeting_id]).first()
    try:
        return run is not None and syncs.retry_now(run)
    except syncs.NotBeforeError:
        return False


def _check(action: SupportAction, pk: int) -> bool:
    connection = _connected([pk]).first()
    return connection is not None and bool(connections.check(connection))


def _send_password_mail(action: SupportAction, user_id: int) -> bool:
    customer = _active([user_id]).first()
    return customer is not None and passwords.request_mail(customer.email, customer.language)


def _snooze(pause: timedelta) -> Callable[[SupportAction, int], bool]:
    return lambda action, pk: incidents.snooze(pk, timezone.now() + pause)


def _resolve(action: SupportAction, pk: int) -> bool:
    return incidents.resolve(pk, timezone.now(), by=action.by_name, note=action.reason)


def _retrying(meetings: Targets) -> QuerySet[SyncRun]:
    retrying = SyncRun.objects.filter(meeting__in=meetings, status=SyncRun.Status.RETRYING)
    return retrying.reachable(timezone.now())


def _cancelable(meetings: Targets) -> Iterable[int]:
    """Those with an active sync, and those whose removal has failed."""
    active = SyncRun.objects.active().filter(meeting__in=meetings)
    removing = Meeting.objects.filter(pk__in=meetings, removing_since__isnull=False)
    return {*active.values_list("meeting", flat=True), *removing.values_list("pk", flat=True)}


def _in_state(*states: str) -> Callable[[Targets], Iterable[int]]:
    return _ids(lambda pks: Connection.objects.filter(pk__in=pks, state__in=states))


def _connected(pks: Targets) -> QuerySet[Connection]:
    return Connection.objects.filter(pk__in=pks).exclude(state=Connection.State.DISCONNECTED)


def _active(pks: Targets) -> QuerySet[Customer]:
    return Customer.objects.filter(pk__in=pks, is_active=True)


def _open(pks: Targets) -> QuerySet[Incident]:
    return incidents.open_incidents().filter(pk__in=pks)


def _snoozed(pks: Targets) -> QuerySet[Incident]:
    return _open(pks).filter(snoozed_until__gt=timezone.now())


def _ids(
    rows: Callable[[Targets], QuerySet[Any]], name: str = "pk"
) -> Callable[[Targets], Iterable[int]]:
    return lambda targets: rows(targets).values_list(name, flat=True)


EFFECTS: Mapping[str, Effect] = {
    Kind.RETRY: Effect("retried", "cannot be retried now", _ids(_retrying, "meeting"), _retry),
    Kind.CANCEL: Effect("canceled", "already ended", _cancelable, _cancel),
    Kind.PAUSE: Effect(
        "paused",
        "cannot be paused",
        _in_state(*store.WORKING),
        lambda action, pk: connections.pause(pk),
    ),
    Kind.RESUME: Effect(
        "resumed",
        "not paused",
        _in_state(Connection.State.PAUSED),
        lambda action, pk: connections.resume(pk),
    ),
    Kind.CHECK: Effect(
        "checked: its page shows the result", "not connected", _ids(_connected), _check
    ),
    Kind.PASSWORD_MAIL: Effect(
        "mail requested",
        "not sent: asked for in the last five minutes, or inactive",
        _ids(_active),
        _send_password_mail,
    ),
    Kind.SNOOZE_HOUR: Effect(
        "snoozed", "already resolved", _ids(_open), _snooze(timedelta(hours=1))
    ),
    Kind.SNOOZE_DAY: Effect("snoozed", "already resolved", _ids(_open), _snooze(timedelta(days=1))),
    Kind.END_SNOOZE: Effect(
        "no longer snoozed",
        "was not snoozed",
        _ids(_snoozed),
        lambda action, pk: incidents.end_snooze(pk),
    ),
    Kind.RESOLVE: Effect("resolved", "already resolved", _ids(_open), _resolve),
}
DONE = {Outcome.REQUEUED, *(effect.done for effect in EFFECTS.values())}
