"""The sandbox's account for the contract, and what every account says that it holds."""

from contextlib import contextmanager
from dataclasses import dataclass, field

from crmsync.errors import CrmError
from crmsync.models import SandboxRecord
from crmsync.providers.base import Session
from crmsync.providers.sandbox import Sandbox


@dataclass
class Written:
    """What the CRM holds of one meeting: `linked` are addresses, each once if all is well."""

    meetings: int
    title: str = ""
    notes: str = ""
    linked: list[str] = field(default_factory=list)


class SandboxAccount:
    """Has no wire; the answer to a write is lost just after it."""

    provider = "sandbox"
    needs_an_attendee = False
    most_linked = 1000
    note_limit = 100_000

    @contextmanager
    def open(self, settings):
        yield self

    def session(self):
        return Session({})

    @contextmanager
    def losing(self, call):
        with self.counted(call):
            yield

    def count_calls(self, work):
        with self.counted() as calls:
            work()
        return len(calls)

    @contextmanager
    def counted(self, losing=None):
        calls, write = [], Sandbox._write

        def counting(sandbox, *args):
            ref = write(sandbox, *args)
            calls.append(ref)
            if losing == len(calls) - 1:
                raise CrmError("crm_timeout", outcome_unknown=True)
            return ref

        Sandbox._write = counting
        yield calls
        Sandbox._write = write

    def add_contact(self, email):
        record = {"account": "Sandbox", "kind": "contact", "key": email.lower()}
        SandboxRecord.objects.create(**record, data={})

    def contacts(self, email):
        return list(SandboxRecord.objects.filter(kind="contact", key=email).values_list("pk"))

    def written(self, meeting):
        own = SandboxRecord.objects.filter(key=str(meeting.key))
        found = {record.kind: record.data for record in own}
        content = found.get("meeting", {})
        notes = found.get("note", {}).get("notes", "")
        meetings = own.filter(kind="meeting").count()
        return Written(meetings, content.get("title", ""), notes, content.get("contacts", []))

    def lose_everything(self):
        SandboxRecord.objects.all().delete()
