"""Faults that the sandbox simulates.

An attendee `<fault>[.stepN][.xM]@sandbox.invalid` makes step N (default 1) fail, always or for the
meeting's first M attempts. One fault acts at a time. SANDBOX_FAULTS turns them on.
"""

import random
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils.translation import gettext_noop

from crmsync.errors import CrmError
from crmsync.models import SandboxFault
from crmsync.providers.base import Session
from meetings.models import SyncStep

ADDRESS = re.compile(
    r"(?P<fault>[a-z-]+)(?:\.step(?P<step>[123]))?(?:\.x(?P<times>\d{1,4}))?@sandbox\.invalid"
)
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


class Faults:
    def __init__(self, session: Session) -> None:
        self.session = session

    @contextmanager
    def acting(self, emails: Sequence[str], step: SyncStep) -> Iterator[None]:
        """Takes its time like a remote CRM, and simulates the fault that is due."""
        fault = self._due_fault(emails, step)
        self.answer()
        self._simulate(fault, after_writing=False)
        yield
        self._simulate(fault, after_writing=True)

    def answer(self) -> None:
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
