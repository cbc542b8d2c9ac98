"""What staff read about an incident: what is wrong, whom it concerns, and what to do."""

from dataclasses import dataclass

from crmsync.errors import CATALOGUE, Handling
from crmsync.models import Incident
from crmsync.status.error_messages import crm_name, error_texts


@dataclass(frozen=True)
class Stall:
    """What has stalled, and where to look."""

    title: str
    remedy: str


REQUEUE = "Re-queue what failed once it works again: filter the syncs in the admin by the error."


STALLS: dict[str, Stall] = {
    "nothing_dispatched": Stall(
        "No dispatcher hands out what is due",
        "Look whether `manage.py dispatch_syncs` runs, and whether it reaches Redis.",
    ),
    "overdue": Stall(
        "No worker takes what is due",
        "Look whether workers run, and whether there are enough of them.",
    ),
    "no_success": Stall(
        "Syncs are worked on, but none succeeds",
        "Look into the workers' logs.",
    ),
}


def describe_incident(incident: Incident) -> dict[str, str]:
    """Title, remedy, who acts, and whom it concerns."""
    if incident.cause in STALLS:
        stall = STALLS[incident.cause]
        return {"title": stall.title, "remedy": stall.remedy, "who": "support", "scope": "syncsite"}
    texts = error_texts(incident.cause, incident.provider)
    kind = CATALOGUE[incident.cause]
    who = kind.actor.replace("_", " ")
    if kind.handling is Handling.RETRY:  # It was retried and given up.
        who, texts["remedy"] = "support", REQUEUE
    if incident.connection is None:
        scope = f"many customers of {crm_name(incident.provider)}"
    else:
        scope = f"{incident.connection.user}, {incident.connection}"
    return {**texts, "who": who, "scope": scope}
