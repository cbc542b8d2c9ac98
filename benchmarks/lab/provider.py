"""The provider for the faulty CRM, which has no upsert and no unique key: look, then write."""

from collections.abc import Sequence
from typing import Any

from crmsync.providers.base import Account, Known, MeetingContent, Person, Ref, Session
from crmsync.providers.gone import not_found_means_deleted, unless_gone
from crmsync.providers.http import CrmClient
from crmsync.providers.options import CREATE_PEOPLE, Choices
from crmsync.providers.writing import of_meeting, removed


class FaultyCrm:
    name = "Faulty CRM"
    needs: Sequence[str] = ()
    address = "url"
    token = "token"  # noqa: S105
    choices: Choices = CREATE_PEOPLE

    def __init__(self, session: Session) -> None:
        url, token = session.credentials["url"], session.credentials["token"]
        self.client = CrmClient(url, session, token)
        self.host = self.client.host

    def check(self) -> Account:
        account = self.client.call("GET", "/account")
        return Account(id=account["id"], name=account["id"])

    def upsert_contacts(self, people: Sequence[Person], known: Known) -> Sequence[Ref]:
        return [
            self._save("contact", person.email, {"name": person.name}, known) for person in people
        ]

    def upsert_meeting(
        self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        content = {
            "title": meeting.title,
            "times": [meeting.starts_at.isoformat(), meeting.ends_at.isoformat()],
            "contacts": [contact.remote_id for contact in contacts],
        }
        return [self._save("meeting", str(meeting.key), content, known)]

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        content = {"meeting": meeting_ref.remote_id, "text": meeting.notes}
        return [self._save("note", str(meeting.key), content, {})]

    def remove(self, meeting: MeetingContent, known: Known) -> Sequence[Ref]:
        for kind in ("note", "meeting"):
            for found in self.client.call("GET", f"/{kind}", params={"key": str(meeting.key)}):
                with unless_gone():
                    self.client.call("DELETE", f"/{kind}/{found['id']}")
        return removed(of_meeting(known))

    def _save(self, kind: str, key: str, content: dict[str, Any], known: Known) -> Ref:
        ref = known.get((kind, key))
        found = self.client.call("GET", f"/{kind}", params={"key": key}) if ref is None else []
        record_id = ref.remote_id if ref else (found[0]["id"] if found else None)
        if record_id is None:
            made = self.client.call("POST", f"/{kind}", json={"key": key, **content})
            return Ref(kind, key, made["id"], "created")
        with not_found_means_deleted():
            self.client.call("PUT", f"/{kind}/{record_id}", json=content)
        return Ref(kind, key, record_id, "updated")
