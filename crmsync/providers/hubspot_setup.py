"""What HubSpot is asked and given when an account is connected."""

from collections.abc import Mapping
from typing import Any

import crmsync.providers.hubspot_payloads as payloads
from crmsync.errors import CrmError
from crmsync.providers.http import CrmClient
from crmsync.providers.hubspot_errors import KEY
from crmsync.providers.hubspot_payloads import VERSION
from crmsync.providers.parsing import as_object, require_id

REFUSED = (400, 403, 404)


def check_writing(client: CrmClient) -> None:
    """An empty batch writes nothing, but shows whether we may write."""
    path = f"/crm/objects/{VERSION}/contacts/batch/upsert"
    try:
        client.call("POST", path, json={"inputs": []})
    except CrmError as error:
        if error.http_status not in (400, 422):
            raise


def abilities(client: CrmClient, options: Mapping[str, Any], email: str) -> dict[str, Any]:
    """What a sync may use beyond what it needs; falsy where the account does not let us."""
    found: dict[str, Any] = {"unique_key": make_key(client)}
    if options.get("owner") == "by_email":
        found["owner"] = _owner_id(client, email)
    if options.get("company") == "by_contact":
        found["companies"] = _sees_companies(client)
    return found


def _owner_id(client: CrmClient, email: str) -> str:
    """Of the HubSpot user with this address; empty if there is none that we may see."""
    path = f"/crm/owners/{VERSION}"
    try:
        answer = client.call("GET", path, params={"email": email, "limit": 1})
    except CrmError as error:
        if error.http_status not in REFUSED:
            raise
        return ""
    users = payloads.results_of(answer)
    same = [user for user in users if str(user.get("email")).lower() == email]
    return require_id(same[0]) if same else ""


def _sees_companies(client: CrmClient) -> bool:
    try:
        client.call("GET", f"/crm/objects/{VERSION}/companies", params={"limit": 1})
    except CrmError as error:
        if error.http_status not in REFUSED:
            raise
        return False
    return True


def make_key(client: CrmClient) -> bool:
    """Whether the account has the unique key property, creating it if possible."""
    try:
        is_unique = _is_key_unique(client)
        return _add_key(client) if is_unique is None else is_unique
    except CrmError as error:
        if error.http_status == 409:  # Another connection has just created it.
            return bool(_is_key_unique(client))
        if error.http_status in REFUSED:
            return False
        raise


def _add_key(client: CrmClient) -> bool:
    path = f"/crm/properties/{VERSION}/meetings"
    groups = payloads.results_of(client.call("GET", f"{path}/groups"))
    group = str(groups[0].get("name")) if groups else "meetinginformation"
    client.call("POST", path, json=payloads.key_property(group))
    return True


def _is_key_unique(client: CrmClient) -> bool | None:
    """None if the account has no such property."""
    try:
        found = client.call("GET", f"/crm/properties/{VERSION}/meetings/{KEY}")
    except CrmError as error:
        if error.http_status == 404:
            return None
        raise
    return as_object(found).get("hasUniqueValue") is True
