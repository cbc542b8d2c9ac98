"""How the targets of a support action are named to the person who confirms or reads it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from crmsync.models import Connection, Customer, Incident, SupportAction, SyncRun
from crmsync.status.error_messages import crm_name
from crmsync.support.incident_messages import describe_incident


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


def _meetings(pks: Sequence[int]) -> Named:
    latest = SyncRun.objects.filter(meeting__in=pks).latest_of_each()
    for run in latest.select_related("meeting__user", "connection"):
        text = f"{run} {run.meeting} ({crm_name(run.crm)})"
        yield run.meeting_id, Target(text, _page("syncrun", run.pk), run.meeting.user.email)


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
