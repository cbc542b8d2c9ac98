"""What a person can do now, as buttons: a label, and the request that it makes. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from crmsync.models import Connection, SyncRun
from crmsync.status.messages import Text

ACTIONS = {
    "not_connected": ["connect"],
    "never_synced": ["sync"],
    "queued": ["cancel"],
    "syncing": ["cancel"],
    "removing": ["cancel"],
    "waiting": ["cancel"],
    "retrying": ["retry_now", "cancel"],
    "paused": ["reconnect", "cancel"],
    "synced": ["sync"],
    "out_of_date": ["sync"],
    "failed": ["sync"],
    "canceled": ["sync"],
}
LABELS: dict[str, Text] = {
    "connect": _("Connect CRM"),
    "reconnect": _("Reconnect {crm}"),
    "sync": _("Sync again"),
    "retry_now": _("Try again now"),
    "cancel": _("Cancel"),
    "edit": _("Edit"),
    "help": _("What is this?"),
}
# By what is the case, where the usual label would not fit.
LABELS_OF_CASES: dict[tuple[str, str], Text] = {
    ("never_synced", "sync"): _("Sync to {crm}"),
    ("out_of_date", "sync"): _("Sync the change"),
    ("removing", "cancel"): _("Keep the meeting"),
    ("failed_removal", "sync"): _("Try again"),
    ("failed_removal", "cancel"): _("Keep the meeting"),
}
REQUESTS = {
    "connect": ("PUT", "/connection"),
    "reconnect": ("PUT", "/connection"),
    "sync": ("POST", "/meetings/{pk}/sync"),
    "retry_now": ("POST", "/meetings/{pk}/sync"),
    "cancel": ("DELETE", "/meetings/{pk}/sync"),
    "edit": ("PATCH", "/meetings/{pk}"),
    "help": ("GET", "{help_url}"),
}


def names_of(
    state: str,
    run: SyncRun | None,
    connection: Connection | None,
    error: dict[str, Any] | None,
    now: datetime,
) -> list[str]:
    """The most useful first, without anything that would be refused."""
    names = list(ACTIONS[state])
    if "sync" in names and connection is None:
        names[names.index("sync")] = "connect"
    elif "sync" in names and connection and connection.state == Connection.State.NEEDS_REAUTH:
        names.insert(0, "reconnect")
    elif state == "failed" and run is not None and run.removes:
        names.append("cancel")
    elif state == "failed" and error and error["field"]:
        names.insert(0, "edit")
    refused = _refused(run, now)
    return [name for name in [*names, *(["help"] if error else [])] if name not in refused]


def _refused(run: SyncRun | None, now: datetime) -> set[str]:
    if run is None:
        return set()
    not_before = run.connection.not_before
    refused = {"retry_now"} if not_before and not_before > now else set()
    return refused | ({"reconnect"} if run.connection.state == Connection.State.PAUSED else set())


def describe(name: str, case: str, facts: Mapping[str, Any]) -> dict[str, str]:
    """`case`: the state, or `failed_removal`. `facts`: crm, pk and help_url."""
    method, href = REQUESTS[name]
    label = LABELS_OF_CASES.get((case, name), LABELS[name])
    return {
        "name": name,
        "label": str(label).format_map(facts),
        "method": method,
        "href": href.format_map(facts),
    }
