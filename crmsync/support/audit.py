"""Who of the staff did what to something, when and why."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet

from crmsync.models import ActionResult, Connection, Customer, Incident, SupportAction, SyncRun
from meetings.models import Meeting

MAX_SHOWN = 20
MAX_MEETINGS, MAX_INCIDENTS = 500, 100  # Of one person, whose history is looked for.


def of_sync(run: SyncRun) -> QuerySet[ActionResult]:
    """To its meeting, its connection, its owner, and incidents of the connection."""
    to_meeting = Q(action__kind__in=SupportAction.OF_MEETINGS, target=run.meeting_id)
    return _results(to_meeting | _to_person(run.meeting.user_id))


def of_customer(customer: Customer) -> QuerySet[ActionResult]:
    """To them, and to their latest meetings."""
    latest = Meeting.objects.filter(user=customer.pk).order_by("-pk")
    owned = list(latest.values_list("pk", flat=True)[:MAX_MEETINGS])
    to_meetings = Q(action__kind__in=SupportAction.OF_MEETINGS, target__in=owned)
    return _results(to_meetings | _to_person(customer.pk))


def of_incident(incident: Incident) -> QuerySet[ActionResult]:
    return _results(Q(action__kind__in=SupportAction.OF_INCIDENTS, target=incident.pk))


def snoozes_of(incidents: Iterable[Incident]) -> dict[int, ActionResult]:
    """Of each, the latest time that somebody snoozed it."""
    kinds = (SupportAction.Kind.SNOOZE_HOUR, SupportAction.Kind.SNOOZE_DAY)
    pks = [incident.pk for incident in incidents]
    results = ActionResult.objects.filter(action__kind__in=kinds, target__in=pks).select_related(
        "action"
    )
    return {result.target: result for result in results.order_by("pk")}


def _to_person(user: int) -> Q:
    # Lists, since the index on targets serves no subqueries that are joined by OR.
    connections = list(Connection.objects.filter(user=user).values_list("pk", flat=True))
    latest = Incident.objects.filter(connection__in=connections).order_by("-pk")
    incidents = list(latest.values_list("pk", flat=True)[:MAX_INCIDENTS])
    return (
        Q(action__kind__in=SupportAction.OF_CUSTOMERS, target=user)
        | Q(action__kind__in=SupportAction.OF_CONNECTIONS, target__in=connections)
        | Q(action__kind__in=SupportAction.OF_INCIDENTS, target__in=incidents)
    )


def _results(which: Q) -> QuerySet[Any]:
    results = ActionResult.objects.filter(which).select_related("action").defer("action__targets")
    return results.order_by("-pk")[:MAX_SHOWN]
