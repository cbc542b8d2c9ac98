"""What every CRM provider does, and the words it does it with.

A provider is made for one step of one sync. Each of its methods means "make it so": calling it
again with the same arguments changes nothing more. `known` maps local keys to remote ids that an
earlier call returned; a record with such an id that is gone is `record_deleted`, never a reason to
make another one: two tries could do so at once. A provider neither retries nor waits nor
touches our database, calls `session.before_call()` before every call to the CRM, and lets only
CrmError escape.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True)
class Session:
    """What one step of one sync works with; `resources` are closed when it ends.

    `before_call` prolongs the lease of the step, and stops a worker that has lost it. `refresh` is
    there where a token can be had anew: it returns the one after the token that was refused.
    `capabilities` is what `check` found the account to be able to do.
    """

    credentials: Mapping[str, Any]
    meeting_key: UUID | None = None
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    refresh: Callable[[str], str] | None = None
    before_call: Callable[[], None] = lambda: None
    resources: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.resources.close()


@dataclass(frozen=True)
class Account:
    id: str
    name: str
    capabilities: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    email: str
    name: str


@dataclass(frozen=True)
class MeetingContent:
    key: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    location: str
    notes: str


@dataclass(frozen=True)
class Ref:
    """One record in the CRM. `action` is created, updated or unchanged.

    `remark` says what the CRM did not take whole; it is marked for translation.
    """

    kind: str
    local_key: str
    remote_id: str
    action: str
    url: str = ""
    payload_hash: str = ""
    remark: str = ""


@dataclass(frozen=True)
class OAuth:
    """Where and as whom the CRM grants us tokens. `scopes` are those that a sync needs."""

    authorize_url: str
    token_host: str
    token_path: str
    client_id: str
    client_secret: str
    scopes: str


Known = Mapping[str, str]


class Provider(Protocol):
    name: str  # As people know the CRM.
    needs: Sequence[str]  # Which credentials a person who does not sign in there has to bring.

    def __init__(self, session: Session) -> None: ...

    def check(self) -> Account: ...

    def upsert_contacts(self, people: Sequence[Person], known: Known) -> Sequence[Ref]: ...

    def upsert_meeting(
        self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Ref: ...

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref]
    ) -> Sequence[Ref]: ...
