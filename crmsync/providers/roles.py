"""Who an attendee is, by the address: data, and one function."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_noop


class Role(StrEnum):
    OWNER = "owner"
    INTERNAL = "internal"
    EXTERNAL = "external"
    RESOURCE = "resource"
    SKIPPED = "skipped"


# Rooms and equipment. Microsoft's look like anybody's address.
RESOURCE_DOMAINS = {"resource.calendar.google.com", "group.calendar.google.com", "zoomcrc.com"}
NOTE_TAKERS = {"fred@fireflies.ai"}
NOTE_TAKER = re.compile(r"note-?taker")
# Domains that say nothing of where somebody works. The last three are for documentation.
# fmt: off
SHARED_DOMAINS = {
    "gmail.com", "googlemail.com", "outlook.com", "outlook.de", "hotmail.com", "hotmail.co.uk",
    "hotmail.de", "hotmail.fr", "live.com", "live.de", "msn.com", "yahoo.com", "yahoo.co.uk",
    "yahoo.de", "yahoo.fr", "ymail.com", "icloud.com", "me.com", "mac.com", "aol.com", "gmx.de",
    "gmx.net", "gmx.at", "gmx.ch", "gmx.com", "web.de", "t-online.de", "freenet.de", "posteo.de",
    "mailbox.org", "proton.me", "protonmail.com", "pm.me", "tutanota.com", "fastmail.com",
    "zoho.com", "mail.com", "mail.ru", "yandex.ru", "yandex.com", "orange.fr", "wanadoo.fr",
    "free.fr", "laposte.net", "libero.it", "qq.com", "163.com", "126.com", "naver.com",
    "example.com", "example.net", "example.org",
}
# fmt: on
REASONS = {
    Role.OWNER: gettext_noop("This is you, so no contact is made."),
    Role.INTERNAL: gettext_noop("This is a colleague of yours, so no contact is made."),
    Role.RESOURCE: gettext_noop("This is a room or a note-taker, not a person."),
    Role.SKIPPED: gettext_noop("You asked us to leave this address out."),
}
NOT_MADE = gettext_noop("Not in the CRM, and you asked us to make nobody there.")
ON_PURPOSE = {*REASONS.values(), NOT_MADE}


def role_of(email: str, owner: str, options: Mapping[str, Any]) -> Role:
    local, _, domain = email.partition("@")
    if email == owner:
        return Role.OWNER
    if domain in RESOURCE_DOMAINS or email in NOTE_TAKERS or NOTE_TAKER.search(local):
        return Role.RESOURCE
    if email in options["skip_addresses"]:
        return Role.SKIPPED
    return Role.INTERNAL if domain in options["internal_domains"] else Role.EXTERNAL


def own_domains(owner: str) -> list[str]:
    """The owner's, unless anybody could have it."""
    domain = owner.partition("@")[2]
    return [] if domain in SHARED_DOMAINS else [domain]
