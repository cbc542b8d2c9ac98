"""Whom a Salesforce event names: fifty contacts or one lead.

Without Shared Activities it is one person. Only whom we named ourselves is taken off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import crmsync.providers.salesforce_payloads as payloads
from crmsync.providers.base import Known, MeetingContent, Ref, link_key
from crmsync.providers.writing import found_there, made_before, made_links_of, unlinked

MAX_INVITED = 50


@dataclass(frozen=True)
class Guests:
    """`changes` are to be written; then the event names `named` instead of `before`."""

    changes: Mapping[str, Any]
    named: Sequence[str]
    before: Sequence[str]

    def links(self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known) -> list[Ref]:
        named = [contact for contact in contacts if contact.remote_id in self.named]
        links = [
            self._link(link_key(meeting, one.local_key), one.remote_id, known) for one in named
        ]
        keys = {ref.local_key for ref in links}
        return [*links, *unlinked(ref for ref in made_links_of(known) if ref.local_key not in keys)]

    def _link(self, key: str, remote_id: str, known: Known) -> Ref:
        link = Ref("link", key, remote_id, "created")
        is_ours = remote_id not in self.before or made_before(key, known)
        return link if is_ours else found_there(link)


def guests_of(
    current: Sequence[str], contacts: Sequence[Ref], known: Known, *, several: bool
) -> Guests:
    """`current`: the ids that the event names now. `several`: whether it can name more than one."""
    wanted = list(dict.fromkeys(ref.remote_id for ref in contacts))  # Some have two addresses.
    ours = {ref.remote_id for ref in made_links_of(known)}
    kept = [one for one in current if one in wanted or one not in ours]
    people = [one for one in wanted if one.startswith(payloads.CONTACT)]
    if several and all(one.startswith(payloads.CONTACT) for one in kept) and (people or not wanted):
        named = list(dict.fromkeys([*kept, *people]))[: max(MAX_INVITED, len(kept))]
        changes: dict[str, Any] = {"EventWhoIds": named}
        if not named:
            changes["WhoId"] = None  # Or that person would become the first again.
        changes = changes if set(named) != set(current) else {}
        return Guests(changes, named, current)
    if kept:
        return Guests({}, kept, current)
    best = (people or wanted)[:1]
    only: dict[str, Any] = {"WhoId": best[0] if best else None} if best or current else {}
    return Guests(only, best, current)
