"""The sandbox's account for the contract, and what every account says that it holds."""

from contextlib import contextmanager
from dataclasses import dataclass, field

from crmsync.errors import CrmError
from crmsync.models import SandboxRecord
from crmsync.providers import PROVIDERS
from crmsync.providers.base import Session
from crmsync.providers.options import with_defaults
from crmsync.providers.sandbox import Sandbox


@dataclass
class Written:
    """What the CRM holds of one meeting: `linked` are addresses, each once if all is well."""

    meetings: int
    title: str = ""
    notes: str = ""
    linked: list[str] = field(default_factory=list)


def session(account, known, **given):
    """Keeps in `known` what the provider is about to write, as remote_records.py does."""
    choices = PROVIDERS[account.provider].choices
    options = with_defaults(account.options, choices, account.owner)
    known = {} if known is None else known

    def intend(*refs):
        known.update({(ref.kind, ref.local_key): ref for ref in refs})

    return Session(**given, options=options, owner=account.owner, intend=intend)


class SandboxAccount:
    """Has no wire; the answer to a write is lost just after it."""

    provider = "sandbox"
    needs_an_attendee = False
    most_linked = 1000
    note_limit = 100_000
    owner = "rep@ours.example"

    def __init__(self):
        self.options = {}

    @contextmanager
    def open(self, settings):
        yield self

    def session(self, known=None):
        return session(self, known, credentials={})

    @contextmanager
    def losing(self, call):
        with self.counted(call):
            yield

    def count_calls(self, work):
        with self.counted() as calls:
            work()
        return len(calls)

    count_writes = count_calls

    @contextmanager
    def counted(self, losing=None):
        calls, made, saved = [], Sandbox._make, Sandbox._save

        def counting(write):
            def counted(sandbox, *args):
                calls.append(write(sandbox, *args))
                if losing == len(calls) - 1:
                    raise CrmError("crm_timeout", outcome_unknown=True)
                return calls[-1]

            return counted

        Sandbox._make, Sandbox._save = counting(made), counting(saved)
        yield calls
        Sandbox._make, Sandbox._save = made, saved

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

    def edit(self, meeting, kind, name, change):
        record, _ = SandboxRecord.objects.get_or_create(
            account="Sandbox", kind=kind, key=str(meeting.key)
        )
        record.data[name] = change(record.data.get(name, ""))
        record.save()

    def edit_notes(self, meeting, text):
        self.edit(meeting, "note", "notes", lambda notes: notes + text)

    def edit_title(self, meeting, text):
        self.edit(meeting, "meeting", "title", lambda title: text)

    def move_start(self, meeting, at):
        self.edit(meeting, "meeting", "starts_at", lambda _: at)

    def link_guest(self, meeting, email):
        self.edit(meeting, "meeting", "contacts", lambda emails: sorted([*emails, email]))

    def told(self, meeting):
        return str(list(SandboxRecord.objects.filter(key=str(meeting.key)).values_list("data")))

    def lose_everything(self):
        SandboxRecord.objects.all().delete()
