"""The interface of every CRM provider.

A provider is created for one step of one sync. Its methods are idempotent: calling one again with
the same arguments changes nothing more, and writes nothing. `known` has what earlier calls
returned, for this meeting in this account. If such a record is gone, the provider raises
`record_deleted` and creates no other, since two attempts could do so at once. What a person wrote
in the CRM is kept, as merging.py says. A provider does not retry, wait or touch our database. It
calls `session.before_call()` before every call to the CRM, and raises nothing but CrmError.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from crmsync.errors import CrmError
from crmsync.providers.merging import Digests
from crmsync.providers.options import Choices
from crmsync.providers.roles import Role


@dataclass(frozen=True)
class Session:
    """What one step of one sync works with; `resources` are closed when it ends.

    `before_call` renews the step's lease and stops a worker that has lost it. `intend` keeps the
    Refs of writes before they are made, since their answers may be lost. `refresh`, if the token
    can be refreshed, takes the refused token and returns the next one. `capabilities` is what
    `check` found the account to support, `options` what its owner chose, `owner` their address.
    """

    credentials: Mapping[str, Any]
    meeting_key: UUID | None = None
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""
    refresh: Callable[[str], str] | None = None
    before_call: Callable[[], None] = lambda: None
    intend: Callable[..., None] = lambda *refs: None
    resources: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.resources.close()


@dataclass(frozen=True)
class Account:
    """`degraded`: codes of what the CRM does not let this person do; see degraded.py."""

    id: str
    name: str
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    degraded: Sequence[str] = ()


@dataclass(frozen=True)
class Person:
    email: str
    name: str
    role: Role = Role.EXTERNAL


@dataclass(frozen=True)
class MeetingContent:
    key: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    location: str
    notes: str
    status: str = "scheduled"


@dataclass(frozen=True)
class Ref:
    """One record in the CRM. `action` is created, updated, unchanged, skipped or removed.

    `remark` says what had to be shortened or left out; it is marked for translation. A person whom
    the CRM did not accept is `skipped`: without an id, and with the CRM's words as the remark.
    `digests` are those of the values that we wrote, or may have written, by the CRM's field. A link
    is `created` for good, if we made it; one that somebody else made is `unchanged`.
    """

    kind: str
    local_key: str
    remote_id: str
    action: str
    url: str = ""
    digests: Digests = field(default_factory=dict)
    remark: str = ""


def link_key(meeting: MeetingContent, whom: str) -> str:
    return f"{meeting.key}:{whom}"


@dataclass(frozen=True)
class OAuth:
    """The CRM's OAuth endpoints, and our client there.

    `scopes` are those that a sync needs; it does without the `optional_scopes`. `domains` are the
    ends of further addresses at which people may sign in.
    """

    authorize_url: str
    token_host: str
    token_path: str
    revoke_path: str
    client_id: str
    client_secret: str
    scopes: str
    optional_scopes: str = ""
    domains: Sequence[str] = ()

    def at(self, address: str) -> "OAuth":
        """The same at one of the further addresses; empty: as it is."""
        if not address:
            return self
        authorize_url = address + urlsplit(self.authorize_url).path
        return replace(self, authorize_url=authorize_url, token_host=address)


Known = Mapping[tuple[str, str], Ref]  # By kind and local key.
# Refusals of one person that say nothing of the others.
PERSONAL_CODES = {"record_rejected", "field_missing", "refused_by_rule"}


def skipped(person: Person, error: CrmError) -> Ref:
    """For a person whom the CRM does not accept. Raises any other error again."""
    if error.code not in PERSONAL_CODES:
        raise error
    return Ref("contact", person.email, "", "skipped", remark=error.detail or error.field)


class Provider(Protocol):
    name: str  # The CRM's name for people.
    needs: Sequence[str]  # The credentials that a person has to enter, unless they sign in.
    address: str  # Which of them is the CRM's address; empty if it has only one.
    token: str  # Which of them the CRM may refuse.
    choices: Choices  # Of its options; the first one is the default.

    def __init__(self, session: Session) -> None: ...

    @property
    def host(self) -> str:
        """The server that it calls; empty if there is none that could be out."""

    def check(self) -> Account: ...

    def upsert_contacts(self, people: Sequence[Person], known: Known) -> Sequence[Ref]: ...

    def upsert_meeting(
        self, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        """The meeting, and the people whom it was linked to with the same call."""

    def add_notes(
        self, meeting_ref: Ref, meeting: MeetingContent, contacts: Sequence[Ref], known: Known
    ) -> Sequence[Ref]:
        """Writes the notes, links the contacts, and unlinks whom we linked earlier."""

    def remove(self, meeting: MeetingContent, known: Known) -> Sequence[Ref]:
        """Removes what we made for the meeting; the people stay."""
