"""How the targets of a support action are named to the person who confirms or reads it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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


Named = Iterable[tuple[int, Target]]


@dataclass(frozen=True)
class Sort:
    """What targets of a sort are called; how a customer is found by them; how each is named."""

    noun: str
    lookup: str
    name: Callable[[Sequence[int]], Named]


def name(kind: str, pks: Sequence[int]) -> Mapping[int, Target]:
    """Without those that are gone."""
    sort = _sort_of(kind)
    return dict(sort.name(pks)) if sort else {}


def noun(kind: str, count: int) -> str:
    """What they are called, after a number."""
    sort = _sort_of(kind)
    found = sort.noun if sort else "target"
    return found if count == 1 else f"{found}s"


def customers(kind: str, pks: Sequence[int], most: int) -> list[str]:
    """The addresses of whom it affects, up to so many."""
    sort = _sort_of(kind)
    if sort is None:
        return []
    people = Customer.objects.filter(**{sort.lookup: pks}).order_by("email")
    return list(people.values_list("email", flat=True).distinct()[:most])


def _sort_of(kind: str) -> Sort | None:
    """None for an action without targets."""
    return next((sort for kinds, sort in SORTS.items() if kind in kinds), None)


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


SORTS: Mapping[tuple[str, ...], Sort] = {
    SupportAction.OF_MEETINGS: Sort("sync", "meetings__in", _meetings),
    SupportAction.OF_CONNECTIONS: Sort("connection", "connection__in", _connections),
    SupportAction.OF_CUSTOMERS: Sort("customer", "pk__in", _customers),
    SupportAction.OF_INCIDENTS: Sort("incident", "connection__incidents__in", _incidents),
}
