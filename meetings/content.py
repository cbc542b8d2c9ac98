"""What a meeting says, as a digest: two meetings that say the same have the same digest.

A digest has a part for each step of a sync: the people, the meeting itself, the notes.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC
from typing import Any

PART_LENGTH = 20
MAX_LENGTH = 3 * PART_LENGTH + 2
CHANGED = "changed"  # The part of a digest whose steps read different content.


def digest(meeting: Any, attendees: Iterable[Any]) -> str:
    """Of a Meeting and its Attendees, as `people.meeting.notes`. Their order does not matter."""
    people = sorted([attendee.email, attendee.name] for attendee in attendees)
    times = [at.astimezone(UTC).isoformat() for at in (meeting.starts_at, meeting.ends_at)]
    # Meetings that are neither held nor canceled keep the digest from before there was a status.
    status = [] if meeting.status == "scheduled" else [meeting.status]
    parts = [people, [meeting.title, *times, meeting.location, *status], meeting.notes]
    return ".".join(map(_hash, parts))


def after_step(step: int, written: str, read: str) -> str:
    """The digest of what a CRM holds after a step that read `read`.

    `written` is the digest after the step before. The people must be the same for all steps, since
    each of them writes some of what is known about them.
    """
    people, *rest = parts(read)
    known = parts(written)
    if step > 1 and known[0] != people:
        people = CHANGED
    rest = [rest[number - 2] if number == step else known[number - 1] for number in (2, 3)]
    return ".".join([people, *rest])


def is_current(step: int, written: str, now: str) -> bool:
    """Whether the steps before this one wrote what the meeting is now."""
    return parts(written)[: step - 1] == parts(now)[: step - 1]


def parts(text: str) -> list[str]:
    """Always three; empty where nothing was written yet."""
    found = text.split(".")
    return [*found, "", ""][:3]


def _hash(part: Any) -> str:
    return hashlib.sha256(json.dumps(part).encode()).hexdigest()[:PART_LENGTH]
