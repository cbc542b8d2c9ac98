"""What staff read about an incident: what is wrong, whom it concerns, and what to do."""

import unicodedata
from dataclasses import dataclass

from django.conf import settings

from crmsync.errors import CATALOGUE, Actor, Handling
from crmsync.incidents.routes import OUTAGE
from crmsync.models import Incident
from crmsync.status.error_messages import crm_name, error_texts

MAX_QUOTED = 80  # Characters.


@dataclass(frozen=True)
class Stall:
    """What has stalled, and where to look."""

    title: str
    remedy: str


REQUEUE = (
    "Once the cause is gone, open Syncs in the admin, filter by CRM and by state “Failed”, and "
    "re-queue them."
)
ASK_THE_CUSTOMER = "Ask the customer to do this: {remedy}"
ACTORS = {
    Actor.NOBODY: "nobody",
    Actor.YOU: "the customer",
    Actor.CRM_ADMIN: "the administrator of the customer's CRM",
    Actor.SUPPORT: "support",
}
STALLS: dict[str, Stall] = {
    "nothing_dispatched": Stall(
        "Due syncs are not dispatched",
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


def cause_title(cause: str) -> str:
    """Of a cause in general."""
    if cause in STALLS:
        return STALLS[cause].title
    return "The CRM answers nobody" if cause == OUTAGE else error_texts(cause)["title"]


def advice_on(cause: str, provider: str) -> str:
    """What to do before everything that failed for this cause is re-queued."""
    texts, kind = error_texts(cause, provider), CATALOGUE[cause]
    if kind.handling is Handling.RETRY:
        return f"{texts['title']}. Wait until this is over; else they fail again."
    if kind.actor in (Actor.YOU, Actor.CRM_ADMIN):
        asked = ASK_THE_CUSTOMER.format(remedy=texts["remedy"])
        return f"{texts['title']}. {asked} Else they fail again."
    return f"{texts['title']}. {texts['remedy']}"


def describe_incident(incident: Incident) -> dict[str, str]:
    """Title, remedy, who acts, and whom it concerns."""
    if incident.cause in STALLS:
        stall = STALLS[incident.cause]
        return {"title": stall.title, "remedy": stall.remedy, "who": "support", "scope": "syncsite"}
    if incident.cause == OUTAGE:
        return _describe_outage(incident)
    texts = error_texts(incident.cause, incident.provider)
    kind = CATALOGUE[incident.cause]
    who = ACTORS[kind.actor]
    if kind.actor in (Actor.YOU, Actor.CRM_ADMIN):
        texts["remedy"] = ASK_THE_CUSTOMER.format(remedy=texts["remedy"])
    if kind.handling is Handling.RETRY:  # It was retried and given up.
        who, texts["remedy"] = "support", REQUEUE
    if incident.connection is None:
        scope = f"many customers who use {crm_name(incident.provider)}"
    else:
        name = quote(incident.connection.account_name)
        crm = crm_name(incident.provider)
        scope = f"{incident.connection.user}, {crm} account named {name} by the customer"
    return {**texts, "who": who, "scope": scope}


def _describe_outage(incident: Incident) -> dict[str, str]:
    crm = crm_name(incident.provider)
    return {
        "title": f"{crm} answers nobody",
        "message": f"Since {incident.opened_at:%H:%M} UTC nobody got an answer from {crm}.",
        "remedy": "Syncs wait and go on by themselves when it answers again. Look at the CRM's "
        f"status page. After {settings.SYNC_OUTAGE_HOURS:g} hours what waits is given up.",
        "who": "nobody",
        "scope": f"everybody who uses {crm} at {quote(incident.host_name)}",
    }
