"""How the targets of a support action are named to the person who confirms or reads it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from crmsync.models import Connection, Customer, Incident, SupportAction, SyncRun
from crmsync.status.error_messages import crm_name
from crmsync.support.incident_messages import describe_incident
from meetings.models import Meeting


@dataclass(frozen=True)
class Target:
    """`url` is its page in the admin; `customer` is an address."""

    text: str
    url: str
    customer: str


def name(kind: str, pks: Sequence[int]) -> Mapping[int, Target]:
    """Without those that are gone."""
    if kind in SupportAction.OF_MEETINGS:
        return dict(_meetings(pks))
    if kind in SupportAction.OF_CONNECTIONS:
        return dict(_connections(pks))
    if kind in SupportAction.OF_CUSTOMERS:
        return dict(_customers(pks))
    return dict(_incidents(pks))


def noun(kind: str, count: int) -> str:
    """What they are called, after a number."""
    nouns = {
        "sync": SupportAction.OF_MEETINGS,
        "connection": SupportAction.OF_CONNECTIONS,
        "customer": SupportAction.OF_CUSTOMERS,
        "incident": SupportAction.OF_INCIDENTS,
    }
    found = next((noun for noun, kinds in nouns.items() if kind in kinds), "target")
    return found if count == 1 else f"{found}s"


Named = Iterable[tuple[int, Target]]


def customers(kind: str, pks: Sequence[int], most: int) -> list[str]:
    """The addresses of whom it affects, up to so many."""
    owned = {
        SupportAction.OF_MEETINGS: "meetings__in",
        SupportAction.OF_CONNECTIONS: "connection__in",
        SupportAction.OF_CUSTOMERS: "pk__in",
        SupportAction.OF_INCIDENTS: "connection__incidents__in",
    }
    condition = next(name for kinds, name in owned.items() if kind in kinds)
    people = Customer.objects.filter(**{condition: pks}).order_by("email")
    return list(people.values_list("email", flat=True).distinct()[:most])


def _meetings(pks: Sequence[int]) -> Named:
    latest = SyncRun.objects.filter(meeting__in=pks).latest_of_each()
    runs = {run.meeting_id: run for run in latest.select_related("connection")}
    for meeting in Meeting.objects.filter(pk__in=pks).select_related("user"):
        run = runs.get(meeting.pk)
        if run is None:
            page = reverse("admin:meetings_meeting_change", args=[meeting.pk])
            yield meeting.pk, Target(meeting.title, page, meeting.user.email)
        else:
            text = f"{run} {meeting} ({crm_name(run.crm)})"
            yield meeting.pk, Target(text, _page("syncrun", run.pk), meeting.user.email)


def _connections(pks: Sequence[int]) -> Named:
    for connection in Connection.objects.filter(pk__in=pks).select_related("user"):
        text = f"{crm_name(connection.provider)}, {connection.account_name}"
        page = _page("connection", connection.pk)
        yield connection.pk, Target(text, page, connection.user.email)


def _customers(pks: Sequence[int]) -> Named:
    for customer in Customer.objects.filter(pk__in=pks):
        page = _page("customer", customer.pk)
        yield customer.pk, Target(customer.email, page, customer.email)


def _incidents(pks: Sequence[int]) -> Named:
    for incident in Incident.objects.filter(pk__in=pks).select_related("connection__user"):
        told = describe_incident(incident)
        customer = incident.connection.user.email if incident.connection else ""
        text = f"{told['title']} ({told['scope']})"
        yield incident.pk, Target(text, _page("incident", incident.pk), customer)


def _page(model: str, pk: Any) -> str:
    return reverse(f"admin:crmsync_{model}_change", args=[pk])
