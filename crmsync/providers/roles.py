"""Who an attendee is, by the address: data, and one function."""

import re
from enum import StrEnum

from django.utils.translation import gettext_noop


class Role(StrEnum):
    OWNER = "owner"
    EXTERNAL = "external"
    RESOURCE = "resource"


# Rooms and equipment. Microsoft's look like anybody's address.
RESOURCE_DOMAINS = {"resource.calendar.google.com", "group.calendar.google.com", "zoomcrc.com"}
NOTE_TAKERS = {"fred@fireflies.ai"}
NOTE_TAKER = re.compile(r"note-?taker")
REASONS = {
    Role.OWNER: gettext_noop("This is you, so no contact is made."),
    Role.RESOURCE: gettext_noop("This is a room or a note-taker, not a person."),
}


def role_of(email: str, owner: str) -> Role:
    local, _, domain = email.partition("@")
    if email == owner:
        return Role.OWNER
    if domain in RESOURCE_DOMAINS or email in NOTE_TAKERS or NOTE_TAKER.search(local):
        return Role.RESOURCE
    return Role.EXTERNAL
