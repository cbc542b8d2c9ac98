"""What staff read about an incident: what is wrong, whom it concerns, and what to do."""

import unicodedata
from dataclasses import dataclass

from django.conf import settings

from crmsync.errors import CATALOGUE, Actor, Handling
from crmsync.incidents.routes import BUG, OUTAGE, THEIRS, Route
from crmsync.models import Incident
from crmsync.status.error_messages import crm_name, error_texts

MAX_QUOTED = 80  # Characters.


@dataclass(frozen=True)
class Stall:
    """What has stalled, and where to look."""

    title: str
    remedy: str


REQUEUE = "Once the cause is gone, re-queue the failed syncs from this incident's page."
ASK_THE_CUSTOMER = "Ask the customer to do this: {remedy}"
ALERTED = {
    Route.ON_CALL: "support and on-call",
    Route.SUPPORT: "support",
    Route.NOBODY: "none",
}
ON_CALL: str = Route.ON_CALL
ACTORS = {
    Actor.NOBODY: "nobody",
    Actor.YOU: "the customer",
    Actor.CRM_ADMIN: "the administrator of the customer's CRM",
    Actor.SUPPORT: "support",
}
STALLS: dict[str, Stall] = {
    "nothing_dispatched": Stall(
        "Syncs are due, but nothing sends them to workers",
        "Check that `manage.py dispatch_syncs` is running and reaches Redis.",
    ),
    "overdue": Stall(
        "No worker picks up due syncs",
        "Check that workers are running, and that there are enough of them.",
    ),
    "no_success": Stall(
        "Syncs are processed, but none succeeds",
        "Check the workers' logs.",
    ),
}


def quote(text: str) -> str:
    """What a customer or a CRM wrote, on one line and visibly not ours."""
    return f"“{one_line(text)}”"


def one_line(text: str) -> str:
    printable = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    words = " ".join(printable.replace("“", "").replace("”", "").split())
    return words if len(words) <= MAX_QUOTED else words[:MAX_QUOTED] + "…"


def staff_texts(cause: str, provider: str = "") -> dict[str, str]:
    """As error_texts(), to somebody whose CRM it is not."""
    return error_texts(cause, provider, crm="" if provider else "the CRM")


def cause_title(cause: str) -> str:
    """Of a cause in general."""
    if cause in STALLS:
        return STALLS[cause].title
    if cause == OUTAGE:
        return "The CRM is not answering any customer"
    # One that is not known is of another version of syncsite.
    return staff_texts(cause)["title"] if cause in CATALOGUE else cause


def advice_on(cause: str, provider: str) -> str:
    """What to do before everything that failed for this cause is re-queued."""
    texts = staff_texts(cause, provider)
    if cause in THEIRS:
        asked = ASK_THE_CUSTOMER.format(remedy=texts["remedy"])
        return f"{texts['title']}. {asked} Otherwise they will fail again."
    if cause == BUG:
        return f"{texts['title']}. Wait until on-call has fixed it, or they will fail again."
    if CATALOGUE[cause].handling is Handling.RETRY:
        return f"{texts['title']}. Wait until this is over, or they will fail again."
    return f"{texts['title']}."


def describe_incident(incident: Incident) -> dict[str, str]:
    """Title, remedy, who acts, and whom it affects."""
    if incident.cause in STALLS:
        stall = STALLS[incident.cause]
        return {"title": stall.title, "remedy": stall.remedy, "who": ON_CALL, "scope": "syncsite"}
    if incident.cause == OUTAGE:
        return _describe_outage(incident)
    if incident.cause not in CATALOGUE:  # Of another version of syncsite.
        return {"title": incident.cause, "remedy": "–", "who": ON_CALL, "scope": "syncsite"}
    texts = error_texts(incident.cause, incident.provider)
    if incident.cause in THEIRS:
        texts["remedy"] = ASK_THE_CUSTOMER.format(remedy=texts["remedy"])
    elif CATALOGUE[incident.cause].handling is Handling.RETRY:  # It was retried and given up.
        texts["remedy"] = REQUEUE
    if incident.connection is None:
        scope = f"many customers who use {crm_name(incident.provider)}"
    else:
        name = quote(incident.connection.account_name)
        crm = crm_name(incident.provider)
        scope = f"{incident.connection.user}, {crm} account named {name} by the customer"
    return {**texts, "who": _who_acts(incident.cause), "scope": scope}


def _who_acts(cause: str) -> str:
    if cause == BUG:
        return ON_CALL
    kind = CATALOGUE[cause]
    was_given_up = cause not in THEIRS and kind.handling is Handling.RETRY
    return ACTORS[Actor.SUPPORT if was_given_up else kind.actor]


def _describe_outage(incident: Incident) -> dict[str, str]:
    crm = crm_name(incident.provider)
    return {
        "title": f"{crm} is not answering any customer",
        "message": f"{crm} has answered nobody since {incident.opened_at:%H:%M} UTC.",
        "remedy": "Syncs wait and go on by themselves when it answers again. Look at the CRM's "
        f"status page. After {settings.SYNC_OUTAGE_HOURS:g} hours, syncs that still wait fail.",
        "who": "nobody",
        "scope": f"everybody who uses {crm} at {quote(incident.host_name)}",
    }
