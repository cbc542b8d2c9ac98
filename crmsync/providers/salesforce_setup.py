"""What Salesforce is asked when an org is connected."""

from collections.abc import Mapping
from typing import Any

import crmsync.providers.salesforce_payloads as payloads
from crmsync.errors import CrmError
from crmsync.providers.http import CrmClient, checking_address
from crmsync.providers.parsing import as_object, as_objects
from crmsync.providers.salesforce_calls import Calls
from crmsync.providers.salesforce_errors import KEY

FIND_USER = "SELECT Id FROM User WHERE Email = {} AND IsActive = true LIMIT 1"
REFUSED = (400, 403, 404)


def organization(client: CrmClient) -> Mapping[str, Any]:
    asked = {"q": "SELECT Id, Name FROM Organization"}
    with checking_address():
        found = payloads.records_of(client.call("GET", f"{payloads.DATA}/query", params=asked))
    if not found:
        raise CrmError("permission_missing", "The organization cannot be read.")
    return found[0]


def abilities(calls: Calls, options: Mapping[str, Any], email: str) -> dict[str, Any]:
    """What a sync may use beyond what it needs; falsy where the org does not let us."""
    path = f"{payloads.DATA}/sobjects/Event/describe"
    event = as_object(calls.client.call("GET", path))
    if event.get("createable") is False or event.get("updateable") is False:
        raise CrmError("permission_missing", "Events are read-only.", detail="Event")
    fields = {str(field.get("name")): field for field in as_objects(event.get("fields"))}
    key = fields.get(KEY, {})
    return {
        "unique_key": key.get("externalId") is True and key.get("updateable") is not False,
        "shared_activities": "EventWhoIds" in fields,
        "leads": _sees_leads(calls),
        **({"owner": _user_id(calls, email)} if options.get("owner") == "by_email" else {}),
    }


def _sees_leads(calls: Calls) -> bool:
    return _first(calls, "SELECT Id FROM Lead LIMIT 1") is not None


def _user_id(calls: Calls, email: str) -> str:
    """Of the active user with this address; empty if there is none that we may see."""
    found = _first(calls, FIND_USER.format(payloads.quoted(email)))
    return payloads.id_of(found) if found else ""


def _first(calls: Calls, soql: str) -> dict[str, Any] | None:
    """The first record, empty if there is none; None if this user may not ask."""
    try:
        return next(calls.query(soql), {})
    except CrmError as error:
        if error.http_status not in REFUSED:
            raise
        return None
