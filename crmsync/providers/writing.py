"""How every provider writes a record: the digests first, since the CRM's answer may be lost."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext_noop

from crmsync.providers.base import Known, MeetingContent, Person, Ref, Session
from crmsync.providers.merging import KEPT, Digests, Form, digests_of, merge, our_parts, united
from crmsync.providers.roles import NOT_MADE

UNLINKED = gettext_noop("No longer linked to the meeting.")
NO_NOTES = gettext_noop("The meeting has no notes any more.")
MADE_FOR_A_MEETING = ("meeting", "note", "link")
Send = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Writer:
    """`forms` are those of the CRM's fields."""

    session: Session
    forms: Mapping[str, Form]

    def change(
        self,
        ref: Ref,
        known: Ref | None,
        ours: Mapping[str, Any],
        theirs: Mapping[str, Any],
        send: Send,
    ) -> Ref:
        """Writes what differs. `send` takes that and returns the record as the CRM has it then.

        `known` is the record as we left it, `theirs` as it is now.
        """
        names = {*ours, *self.forms} & {*theirs}
        before = _digests_before(known, {name: theirs[name] for name in names}, self.forms)
        merged = merge(ours, theirs, before, self.forms)
        digests, action = merged.digests, "unchanged"
        if merged.changes:
            self.session.intend(replace(ref, digests=united(before, digests)))
            returned = send(merged.changes)
            answered = {name: returned[name] for name in merged.changes if name in returned}
            parts = digests_of(our_parts(answered), self.forms)
            digests, action = united(digests, parts), "updated"
        remark = ref.remark or (KEPT if merged.kept else "")
        return replace(ref, action=action, digests={**before, **digests}, remark=remark)

    def create(self, ref: Ref, known: Ref | None, ours: Mapping[str, Any]) -> Ref:
        """Call it before the record is made."""
        made = replace(ref, action="created", digests=digests_of(ours, self.forms))
        before = known.digests if known else {}
        self.session.intend(replace(made, digests=united(before, made.digests)))
        return made


def _digests_before(
    known: Ref | None, theirs: Mapping[str, Any], forms: Mapping[str, Form]
) -> Digests:
    if known is None:
        return {}
    # Older versions kept no digests, and wrote over everything.
    is_older = bool(known.remote_id) and not known.digests
    return digests_of(theirs, forms) if is_older else known.digests


def made_before(key: str, known: Known) -> bool:
    """Whether the link of that key is ours."""
    ref = known.get(("link", key))
    return ref is not None and ref.action == "created"


def not_made(person: Person) -> Ref:
    """For somebody whom the owner does not want in the CRM."""
    return Ref("contact", person.email, "", "skipped", remark=NOT_MADE)


def contacts_of(known: Known) -> list[Ref]:
    return [ref for ref in known.values() if ref.kind == "contact" and ref.remote_id]


def of_meeting(known: Known) -> list[Ref]:
    return [ref for ref in known.values() if ref.kind in MADE_FOR_A_MEETING]


def notes_of(meeting: MeetingContent, note: Ref, known: Ref | None) -> list[Ref]:
    """A meeting without notes has no note; if it had some, they are removed."""
    if meeting.notes:
        return [note]
    return [] if known is None else [replace(note, action="removed", remark=NO_NOTES)]


def links_of(known: Known) -> list[Ref]:
    """Those of people and companies; one without a name is the meeting's own."""
    return [ref for ref in known.values() if ref.kind == "link" and ":" in ref.local_key]


def made_links_of(known: Known) -> list[Ref]:
    """Those that nobody else made."""
    return [ref for ref in links_of(known) if ref.action == "created"]


def removed(refs: Iterable[Ref]) -> Sequence[Ref]:
    return [replace(ref, action="removed") for ref in refs]


def found_there(link: Ref) -> Ref:
    """Somebody else made it, so it is not ours to take off."""
    return replace(link, action="unchanged")


def unlinked(links: Iterable[Ref]) -> Sequence[Ref]:
    return [replace(link, action="removed", remark=UNLINKED) for link in links]
