"""The people of a meeting in Salesforce: contacts, and leads."""

from collections.abc import Mapping, Sequence

import crmsync.providers.salesforce_payloads as payloads
from crmsync.errors import CrmError
from crmsync.providers.base import Person, Ref, skipped
from crmsync.providers.formatting import chunks
from crmsync.providers.http import Answer
from crmsync.providers.salesforce_calls import COMPOSITE_SIZE, QUERY_SIZE, Calls, records_in
from crmsync.providers.salesforce_errors import duplicates_of, has_no_access
from crmsync.providers.writing import not_made

FIND_CONTACTS = "SELECT Id, Email, AccountId FROM Contact WHERE Email IN ({}) ORDER BY CreatedDate"
FIND_LEADS = (
    "SELECT Id, Email FROM Lead WHERE IsConverted = false AND Email IN ({}) ORDER BY CreatedDate"
)
FIND_ADDRESS = "SELECT Id, Email FROM {} WHERE Id = {}"
DESPITE_WARNINGS = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}


class People:
    """`create`: contacts, leads or nobody."""

    def __init__(self, calls: Calls, url: str, create: str) -> None:
        self.calls = calls
        self.url = url
        self.create = create
        self.kind = "Lead" if create == "leads" else "Contact"

    def upsert(self, people: Sequence[Person]) -> list[Ref]:
        refs = []
        for chunk in chunks(people, QUERY_SIZE):
            found = self._find([person.email for person in chunk])
            refs += [self._ref(email, one, "unchanged") for email, one in found.items()]
            missing = [person for person in chunk if person.email not in found]
            refs += map(not_made, missing) if self.create == "nobody" else self._make(missing)
        return refs

    def _find(self, emails: Sequence[str]) -> dict[str, str]:
        """Ids by address: contacts before leads, contacts with an account before those without."""
        listed = payloads.listed(emails)
        queries = [query.format(listed) for query in (FIND_CONTACTS, FIND_LEADS)]
        contacts, leads = self.calls.parts([payloads.query_request(query) for query in queries])
        ranked = sorted(records_in(contacts), key=payloads.has_account)
        # Not every user may see leads; then there are none for them.
        best_last = [*([] if has_no_access(leads) else records_in(leads)), *ranked]
        found = {str(record.get("Email")).lower(): payloads.id_of(record) for record in best_last}
        return {email: found[email] for email in emails if email in found}

    def _make(self, people: Sequence[Person]) -> list[Ref]:
        refs = []
        for chunk in chunks(people, COMPOSITE_SIZE):
            parts = self.calls.parts([payloads.upsert_person(self.kind, one) for one in chunk])
            refs += [self._made_or_skipped(*pair) for pair in zip(chunk, parts, strict=True)]
        return refs

    def _made_or_skipped(self, person: Person, part: Answer) -> Ref:
        try:
            return self._made(person, part)
        except CrmError as error:
            return skipped(person, error)

    def _made(self, person: Person, part: Answer) -> Ref:
        if part.status == 404:
            # Salesforce cannot upsert by some addresses; nobody has this one, so create it.
            part = self._create(person, {})
        twins = duplicates_of(part.data)
        if twins:
            same = next((twin for twin in twins if self._has_address(twin, person.email)), None)
            if same:
                return self._ref(person.email, same, "unchanged")
            # The rule means somebody else. If it only warns, the person is made in spite of it.
            part = self._create(person, {"httpHeaders": DESPITE_WARNINGS})
        action = "created" if part.status == 201 else "unchanged"
        return self._ref(person.email, payloads.id_of(payloads.body_of(part)), action)

    def _create(self, person: Person, further: Mapping[str, Mapping[str, str]]) -> Answer:
        new = {"Email": person.email, **payloads.person_fields(self.kind, person)}
        request = payloads.subrequest("POST", f"/sobjects/{self.kind}", new)
        (part,) = self.calls.parts([{**request, **further}])
        return part

    def _has_address(self, remote_id: str, email: str) -> bool:
        kind = payloads.PEOPLE.get(remote_id[:3])
        if kind is None:
            return False
        found = self.calls.query(FIND_ADDRESS.format(kind, payloads.quoted(remote_id)))
        return any(str(record.get("Email")).lower() == email for record in found)

    def _ref(self, email: str, remote_id: str, action: str) -> Ref:
        return Ref("contact", email, remote_id, action, f"{self.url}/{remote_id}")
