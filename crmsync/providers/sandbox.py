"""A CRM in our own database that answers like a remote one and fails on demand.

An attendee `<fault>[.stepN][.xM]@sandbox.invalid` makes step N (default 1) fail, always or for the
meeting's first M attempts. One fault acts at a time. SANDBOX_FAULTS turns them on. The token
`expired` is refused.
"""

import hashlib
import json
import random
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext_noop

from crmsync.errors import CrmError
from crmsync.models import SandboxFault, SandboxRecord
from crmsync.providers.base import Account, Known, MeetingContent, Person, Ref, Session
from meetings.models import SyncStep

ADDRESS = re.compile(
    r"(?P<fault>[a-z-]+)(?:\.step(?P<step>[123]))?(?:\.x(?P<times>\d{1,4}))?@sandbox\.invalid"
)
NAME = "sandbox"
CONNECTION = {"provider": NAME, "account_id": "Sandbox", "account_name": "Sandbox"}
SLOW_SECONDS = 8
RETRY_AFTER = 5  # Seconds.


@dataclass(frozen=True)
class Fault:
    name: str
    step: int
    times: int | None
    email: str

    @classmethod
    def parse(cls, email: str) -> "Fault | None":
        match = ADDRESS.fullmatch(email)
        if match is None or match["fault"] not in FAULTS:
            return None
        times = int(match["times"]) if match["times"] else None
        return cls(match["fault"], int(match["step"] or SyncStep.CONTACTS), times, email)


def _unavailable(email: str, session: Session) -> None:
    raise CrmError("crm_unavailable", "The sandbox acts out an outage.", http_status=503)


def _timeout(email: str, session: Session) -> None:
    raise CrmError("crm_timeout", "The sandbox wrote, but never answers.", outcome_unknown=True)


def _rate_limited(email: str, session: Session) -> None:
    raise CrmError(
        "crm_rate_limited", "Too many requests.", http_status=429, retry_after=RETRY_AFTER
    )


def _reconnect(email: str, session: Session) -> None:
    raise CrmError("connection_expired", "The sandbox forgot the token.", http_status=401)


def _rejected(email: str, session: Session) -> None:
    raise CrmError(
        "record_rejected",
        "The sandbox refuses this address.",
        field=gettext_noop("e-mail address"),
        detail=f"{email} is not a valid address",
        http_status=400,
    )


def _locked(email: str, session: Session) -> None:
    raise CrmError("record_locked", "The record is being edited.", http_status=423)


def _bug(email: str, session: Session) -> None:
    raise RuntimeError("The sandbox acts out a bug of ours.")


def _slow(email: str, session: Session) -> None:
    for _ in range(SLOW_SECONDS):
        session.before_call()
        time.sleep(1)


FAULTS = {
    "unavailable": _unavailable,
    "timeout": _timeout,
    "rate-limited": _rate_limited,
    "reconnect": _reconnect,
    "rejected": _rejected,
    "locked": _locked,
    "bug": _bug,
    "slow": _slow,
}
AFTER_WRITING = {"timeout"}


class Sandbox:
    name = "Sandbox"
    needs: Sequence[str] = ()
    address = ""
    token = "token"  # noqa: S105
    host = ""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.account = str(session.credentials.get("account") or "Sandbox")[:255]

    def check(self) -> Account:
        self._answer()
        if self.session.credentials.get("token") == "expired":
            raise CrmError("connection_expired", "The token `expired` is refused.", http_status=401)
        return Account(id=self.account, name=self.account)

    def upsert_contacts(self, people: Sequence[Person], known: Known) -> Sequence[Ref]:
        fault = self._due_fault([person.email for person in people], SyncStep.CONTACTS)
        self._answer()
        self._simulate(fault, after_writing=False)
        refs = [self._write("contact", person.email, {"name": person.name}) for person in people]
        self._simulate(fault, after_writing=True)
        return refs

    def upsert_meeting(self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known) -> Ref:
        emails = [contact.local_key for contact in contacts]
        fault = self._due_fault(emails, SyncStep.MEETING)
        self._answer()
        self._simulate(fault, after_writing=False)
        ref = self._write(
            "meeting",
            str(meeting.key),
            {
                "title": meeting.title,
                "starts_at": meeting.starts_at.isoformat(),
                "ends_at": meeting.ends_at.isoformat(),
                "location": meeting.location,
                "contacts": sorted(emails),
            },
        )
        self._simulate(fault, after_writing=True)
        return ref

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref]
    ) -> Sequence[Ref]:
        fault = self._due_fault([contact.local_key for contact in contacts], SyncStep.NOTES)
        self._answer()
        self._simulate(fault, after_writing=False)
        content = {"meeting": meeting_ref.remote_id, "notes": meeting.notes}
        key = str(meeting.key)
        known = SandboxRecord.objects.filter(account=self.account, kind="note", key=key)
        is_needed = meeting.notes or known.exists()  # Notes may also have been removed.
        refs = [self._write("note", key, content)] if is_needed else []
        self._simulate(fault, after_writing=True)
        return refs

    def _answer(self) -> None:
        self.session.before_call()
        time.sleep(random.uniform(*settings.SANDBOX_ANSWER_SECONDS))

    def _due_fault(self, emails: Sequence[str], step: SyncStep) -> Fault | None:
        if not settings.SANDBOX_FAULTS:
            return None
        parsed = map(Fault.parse, emails)
        return next((f for f in parsed if f and f.step == step and self._is_due(f)), None)

    def _is_due(self, fault: Fault) -> bool:
        if fault.times is None:
            return True
        key: dict[str, Any] = {"meeting_key": self.session.meeting_key, "email": fault.email}
        SandboxFault.objects.get_or_create(**key)
        left = SandboxFault.objects.filter(**key, times__lt=fault.times)
        return bool(left.update(times=F("times") + 1))

    def _simulate(self, fault: Fault | None, *, after_writing: bool) -> None:
        if fault and (fault.name in AFTER_WRITING) is after_writing:
            FAULTS[fault.name](fault.email, self.session)

    def _write(self, kind: str, key: str, data: dict[str, Any]) -> Ref:
        record, created = SandboxRecord.objects.get_or_create(
            account=self.account, kind=kind, key=key, defaults={"data": data}
        )
        action = "created" if created else "unchanged"
        if record.data != data:
            record.data = data
            record.save(update_fields=["data", "updated_at"])
            action = "updated"
        return Ref(kind, key, str(record.pk), action, _url(record), _digest(data))


def forget_meetings(keys: Sequence[str]) -> None:
    SandboxRecord.objects.filter(kind__in=("meeting", "note"), key__in=keys).delete()
    SandboxFault.objects.filter(meeting_key__in=keys).delete()


def forget_contacts(emails: Iterable[str]) -> None:
    left = list(emails)
    while left:  # Databases limit the values of a statement.
        SandboxRecord.objects.filter(kind="contact", key__in=left[:1000]).delete()
        del left[:1000]


def _url(record: SandboxRecord) -> str:
    return settings.PUBLIC_URL + reverse("admin:crmsync_sandboxrecord_change", args=[record.pk])


def _digest(data: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
