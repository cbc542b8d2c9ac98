"""Everything about one customer, for the support agent who helps them."""

from datetime import datetime
from typing import Any

from django.db.models import Count

from crmsync.models import Connection, Customer, Incident, OAuthState, PasswordMail, SyncRun
from crmsync.status.connecting import describe_degraded
from crmsync.status.error_messages import crm_name, error_texts
from crmsync.status.sql import annotate_state
from crmsync.status.state import PHASES
from crmsync.support import audit
from crmsync.support.badges import badge_of_connection, badge_of_run
from crmsync.support.incident_messages import describe_incident
from meetings.models import Meeting
from meetings.views import MAX_MEETINGS

MAX_SHOWN = 10


def connection_of(customer: Customer) -> Connection | None:
    return getattr(customer, "connection", None)


def build(customer: Customer, now: datetime) -> dict[str, Any]:
    connection = connection_of(customer)
    return {
        "customer": customer,
        "now": now,
        "connection": connection,
        "crm": crm_name(connection.provider) if connection else "",
        "limits": describe_degraded(connection) if connection else [],
        "error": error_texts(connection.last_error, connection.provider) if connection else None,
        "badge": badge_of_connection(connection) if connection else "",
        "standing": _standing(customer, now),
        "quota": MAX_MEETINGS,
        "meetings": Meeting.objects.filter(user=customer.pk)[:MAX_MEETINGS].count(),
        "runs": _latest_runs(customer, now),
        "incidents": _incidents(customer),
        "sign_ins": OAuthState.objects.filter(user=customer.pk).order_by("-pk")[:MAX_SHOWN],
        "mail": PasswordMail.objects.filter(email=customer.email).first(),
        "history": audit.of_customer(customer),
    }


def _standing(customer: Customer, now: datetime) -> dict[str, int]:
    """How many meetings are in each state, in words, in the order of the states."""
    meetings = annotate_state(Meeting.objects.filter(user=customer.pk).order_by(), now)
    counted = meetings.values_list("state").annotate(Count("pk"))
    counts = dict(counted)
    return {state.replace("_", " "): counts[state] for state in PHASES if state in counts}


def _latest_runs(customer: Customer, now: datetime) -> list[dict[str, Any]]:
    runs = SyncRun.objects.filter(connection__user=customer.pk).order_by("-pk")
    latest = runs.select_related("meeting", "connection__host")[:MAX_SHOWN]
    return [
        {
            "run": run,
            "badge": badge_of_run(run, now),
            "error": error_texts(run.error_cause or run.error_code, run.crm)["title"],
        }
        for run in latest
    ]


def _incidents(customer: Customer) -> list[dict[str, Any]]:
    found = Incident.objects.filter(connection__user=customer.pk).select_related("connection__user")
    return [{"incident": it, **describe_incident(it)} for it in found[:MAX_SHOWN]]
