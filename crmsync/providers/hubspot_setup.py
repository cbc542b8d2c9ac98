"""What HubSpot is asked and given when an account is connected."""

import crmsync.providers.hubspot_payloads as payloads
from crmsync.errors import CrmError
from crmsync.providers.http import CrmClient
from crmsync.providers.hubspot_errors import KEY
from crmsync.providers.hubspot_payloads import VERSION
from crmsync.providers.parsing import as_object


def check_writing(client: CrmClient) -> None:
    """An empty batch writes nothing, but shows whether we may write."""
    path = f"/crm/objects/{VERSION}/contacts/batch/upsert"
    try:
        client.call("POST", path, json={"inputs": []})
    except CrmError as error:
        if error.http_status not in (400, 422):
            raise


def make_key(client: CrmClient) -> bool:
    """Whether the account has the unique key property, creating it if possible."""
    try:
        is_unique = _is_key_unique(client)
        return _add_key(client) if is_unique is None else is_unique
    except CrmError as error:
        if error.http_status == 409:  # Another connection has just created it.
            return bool(_is_key_unique(client))
        if error.http_status in (400, 403):
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
