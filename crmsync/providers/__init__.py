from collections.abc import Callable

from crmsync.providers import hubspot, salesforce
from crmsync.providers.base import OAuth, Provider
from crmsync.providers.bottlecrm import BottleCrm
from crmsync.providers.hubspot import HubSpot
from crmsync.providers.salesforce import Salesforce
from crmsync.providers.sandbox import Sandbox

PROVIDERS: dict[str, type[Provider]] = {
    "sandbox": Sandbox,
    "hubspot": HubSpot,
    "salesforce": Salesforce,
    "bottlecrm": BottleCrm,
}
# CRMs where people may sign in instead of bringing a token.
OAUTH: dict[str, Callable[[], OAuth]] = {
    "hubspot": hubspot.oauth,
    "salesforce": salesforce.oauth,
}
