"""Who and what a HubSpot meeting is associated with: people, and their companies."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import crmsync.providers.hubspot_payloads as payloads
from crmsync.errors import CrmError
from crmsync.providers.base import Known, MeetingContent, Ref, Session, link_key
from crmsync.providers.formatting import chunks
from crmsync.providers.gone import not_found_means_deleted
from crmsync.providers.http import CrmClient
from crmsync.providers.hubspot_errors import explain_item
from crmsync.providers.hubspot_payloads import BATCH, VERSION
from crmsync.providers.parsing import as_object, as_objects
from crmsync.providers.writing import found_there, made_links_of, unlinked

MAX_PAGES = 20
COMPANY = "company-"  # Begins the name of a linked company.


class Batches:
    def __init__(self, client: CrmClient) -> None:
        self.client = client

    def results(
        self,
        path: str,
        inputs: Sequence[Mapping[str, Any]],
        missing_is_fine: bool = False,
        **asked: Any,
    ) -> list[dict[str, Any]]:
        """A batch may fail in part with any status code, so each error counts."""
        answer = self.client.ask("POST", path, json={"inputs": [*inputs], **asked})
        batch = as_object(answer.data)
        for problem in as_objects(batch.get("errors")):
            if not (missing_is_fine and problem.get("category") == "OBJECT_NOT_FOUND"):
                raise explain_item(problem, answer)
        if batch.get("status") not in (None, "COMPLETE"):
            raise CrmError("crm_unavailable", f"The batch is {batch['status']}.")
        return payloads.results_of(batch)

    def read(
        self, kind: str, ids: Iterable[str], names: Sequence[str], **asked: Any
    ) -> list[dict[str, Any]]:
        """Those of the records that exist."""
        path = f"/crm/objects/{VERSION}/{kind}/batch/read"
        asked = {"properties": [*names], "propertiesWithHistory": [], **asked}
        rows = []
        for chunk in chunks(ids, BATCH):
            inputs = [{"id": one} for one in chunk]
            rows += self.results(path, inputs, missing_is_fine=True, **asked)
        return rows


class Links:
    def __init__(self, batches: Batches, session: Session) -> None:
        self.batches = batches
        self.session = session

    def settle_people(
        self, meeting_id: str, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> list[Ref]:
        wanted = {contact.local_key: contact.remote_id for contact in contacts}
        own = [ref for ref in made_links_of(known) if not _is_company(ref)]
        return self._settle("contacts", meeting_id, meeting, wanted, own)

    def settle_companies(
        self, meeting_id: str, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> list[Ref]:
        people = self.batches.read(
            "contacts", [contact.remote_id for contact in contacts], [payloads.COMPANY]
        )
        ids = filter(None, (payloads.company_of(person) for person in people))
        own = [ref for ref in made_links_of(known) if _is_company(ref)]
        return self._settle(
            "companies", meeting_id, meeting, {f"{COMPANY}{one}": one for one in ids}, own
        )

    def _settle(
        self,
        kind: str,
        meeting_id: str,
        meeting: MeetingContent,
        wanted: Mapping[str, str],
        own: Sequence[Ref],
    ) -> list[Ref]:
        """Links whom it should name; unlinks whom we linked earlier, and nobody else."""
        if not (wanted or own):
            return []
        linked = set(self.linked_to(f"meetings/{kind}", [meeting_id]))
        left = [ref for ref in own if ref.remote_id not in wanted.values()]
        ours = {ref.local_key for ref in own}
        refs = [link(meeting, whom, remote_id) for whom, remote_id in wanted.items()]
        refs = [
            ref if ref.remote_id not in linked or ref.local_key in ours else found_there(ref)
            for ref in refs
        ]
        missing = [ref for ref in refs if ref.remote_id not in linked]
        if missing:
            self.session.intend(*missing)
            self._link(kind, meeting_id, {ref.remote_id for ref in missing})
        self._unlink(kind, meeting_id, {ref.remote_id for ref in left} & linked)
        keys = {ref.local_key for ref in refs}
        return [*refs, *unlinked(ref for ref in own if ref.local_key not in keys)]

    def _link(self, kind: str, meeting_id: str, ids: Iterable[str]) -> None:
        path = f"/crm/associations/{VERSION}/meetings/{kind}/batch/associate/default"
        for chunk in chunks(sorted(ids), BATCH):
            pairs = [{"from": {"id": meeting_id}, "to": {"id": one}} for one in chunk]
            with not_found_means_deleted():
                done = {payloads.linked_id_of(row) for row in self.batches.results(path, pairs)}
            if not done >= set(chunk):
                raise CrmError("crm_unavailable", "HubSpot did not say that all are linked.")

    def _unlink(self, kind: str, meeting_id: str, ids: Iterable[str]) -> None:
        path = f"/crm/associations/{VERSION}/meetings/{kind}/batch/archive"
        for chunk in chunks(sorted(ids), BATCH):
            pair = {"from": {"id": meeting_id}, "to": [{"id": one} for one in chunk]}
            self.batches.results(path, [pair])

    def linked_to(self, kinds: str, ids: Iterable[str]) -> list[str]:
        """The ids of what these are associated with; `kinds`: from/to."""
        found: dict[str, None] = {}
        path = f"/crm/associations/{VERSION}/{kinds}/batch/read"
        for chunk in chunks(ids, BATCH):
            asked = [{"id": one} for one in chunk]
            for _ in range(MAX_PAGES):
                rows = self.batches.results(path, asked, missing_is_fine=True) if asked else []
                linked = [to for row in rows for to in as_objects(row.get("to"))]
                found |= dict.fromkeys(str(to.get("toObjectId")) for to in linked)
                asked = [rest for rest in map(payloads.next_page_of, rows) if rest]
        return list(found)


def link(meeting: MeetingContent, whom: str, remote_id: str) -> Ref:
    return Ref("link", link_key(meeting, whom), remote_id, "created")


def _is_company(ref: Ref) -> bool:
    whom = ref.local_key.partition(":")[2]
    return whom.startswith(COMPANY) and "@" not in whom
