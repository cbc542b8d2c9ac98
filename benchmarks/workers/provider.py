"""A CRM without a wire: one call for each step, which takes CRM_ANSWER_SECONDS."""

import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.settings import CRM_ANSWER_SECONDS, CRM_CALLS_FILE
from crmsync.providers.base import Account, Known, MeetingContent, Person, Ref, Session
from crmsync.providers.options import CREATE_PEOPLE, Choices


class SteadyCrm:
    name = "Steady CRM"
    needs: Sequence[str] = ()
    address = "url"
    token = "token"  # noqa: S105
    choices: Choices = CREATE_PEOPLE
    host = ""

    def __init__(self, session: Session) -> None:
        self.session = session

    def check(self) -> Account:
        return Account(id="steady", name="steady")

    def upsert_contacts(self, people: Sequence[Person], known: Known) -> Sequence[Ref]:
        self._call()
        return [Ref("contact", person.email, person.email, "created") for person in people]

    def upsert_meeting(
        self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        self._call()
        return [Ref("meeting", str(meeting.key), str(meeting.key), "created")]

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        self._call()
        return [Ref("note", str(meeting.key), str(meeting.key), "created")]

    def remove(self, meeting: MeetingContent, known: Known) -> Sequence[Ref]:
        raise NotImplementedError

    def _call(self) -> None:
        self.session.before_call()
        if CRM_CALLS_FILE:
            with Path(CRM_CALLS_FILE).open("a") as calls:
                calls.write(f"{time.time()}\n")
        time.sleep(CRM_ANSWER_SECONDS)
