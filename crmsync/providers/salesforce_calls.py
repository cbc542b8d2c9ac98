"""Calls to Salesforce: queries page by page, and composite requests part by part."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import crmsync.providers.salesforce_payloads as payloads
from crmsync.errors import CrmError
from crmsync.providers.http import Answer, CrmClient
from crmsync.providers.parsing import as_object, as_objects

MAX_PAGES = 20
QUERY_SIZE, COMPOSITE_SIZE = 100, 25  # Values in a query; requests in a composite.


class Calls:
    def __init__(self, client: CrmClient) -> None:
        self.client = client

    def query(self, soql: str) -> Iterator[dict[str, Any]]:
        answer = self.client.call("GET", f"{payloads.DATA}/query", params={"q": soql})
        for _ in range(MAX_PAGES):
            yield from payloads.records_of(answer)
            if not answer.get("nextRecordsUrl"):
                return
            answer = self.client.call("GET", str(answer["nextRecordsUrl"]))
        raise CrmError("unexpected_error", "Too many pages of records.")

    def one(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> Any:
        (answer,) = self.composite([payloads.subrequest(method, path, content)])
        return answer

    def composite(self, requests: Sequence[dict[str, Any]]) -> list[Any]:
        return [payloads.body_of(part) for part in self.parts(requests)]

    def parts(self, requests: Sequence[dict[str, Any]]) -> list[Answer]:
        """The parts' answers; the composite succeeds even if its parts fail."""
        numbered = [{**request, "referenceId": f"r{n}"} for n, request in enumerate(requests)]
        body = {"allOrNone": False, "compositeRequest": numbered}
        answer = self.client.ask("POST", f"{payloads.DATA}/composite", json=body)
        parts = as_objects(as_object(answer.data).get("compositeResponse"))
        if len(parts) != len(requests):
            raise CrmError("unexpected_error", "Salesforce left something unanswered.")
        return [payloads.part_answer(part, answer) for part in parts]


def records_in(part: Answer) -> list[dict[str, Any]]:
    return payloads.records_of(payloads.body_of(part))
