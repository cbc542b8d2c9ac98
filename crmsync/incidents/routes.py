"""How bad an incident is, and which of the staff are alerted."""

from enum import StrEnum

from crmsync.errors import CATALOGUE, Actor
from crmsync.models import Incident

OUTAGE = "crm_outage"
BUG = "unexpected_error"
THEIRS = {code for code, kind in CATALOGUE.items() if kind.actor in (Actor.YOU, Actor.CRM_ADMIN)}


class Route(StrEnum):
    ON_CALL = "on-call"
    SUPPORT = "support"
    NOBODY = "nobody"


class Severity(StrEnum):
    HIGH = "high"
    LOW = "low"


def route_of(incident: Incident) -> Route:
    """`nobody`: only the customer can mend it, and was told. Support also hears of an outage."""
    if not incident.provider or incident.cause == BUG:
        return Route.ON_CALL
    is_theirs = incident.connection_id is not None and incident.cause in THEIRS
    return Route.NOBODY if is_theirs else Route.SUPPORT


def severity_of(incident: Incident) -> Severity:
    """Low if it affects one customer, unless the cause is a bug of ours."""
    affects_one = incident.connection_id is not None and incident.cause != BUG
    return Severity.LOW if affects_one else Severity.HIGH
