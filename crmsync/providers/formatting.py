"""Formats a person's texts for CRMs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.utils.translation import gettext_noop
from nameparser import HumanName

T = TypeVar("T")
ENDING = "\n… (shortened)"
SHORTENED = gettext_noop("shortened")
PREFIX = "prefix"  # The name of a title's, beside the CRM's fields.
PREFIXES = {
    "scheduled": "",
    "canceled": "Canceled",
    "completed": "Completed",
    "no_show": "No show",
}
MAX_PREFIX = len("Completed: ")
MARK_LENGTH = len("\n\n[syncsite ]") + 36


def fit(text: str, limit: int, form: Callable[[str], str] = str) -> tuple[str, str]:
    """The formatted text, cut visibly to `limit` UTF-16 units, and a remark if it was cut."""
    if _units(form(text)) <= limit:
        return form(text), ""
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if _units(form(text[:middle] + ENDING)) <= limit:
            fits = middle
        else:
            too_long = middle
    return form(text[:fits] + ENDING), SHORTENED


def as_html(text: str) -> str:
    """Escapes markup and keeps line breaks."""
    return escape(text).replace("\n", "<br>")


def mark(key: UUID) -> str:
    """A line at the end of our text that identifies it."""
    return f"[syncsite {key}]"


def is_marked(text: Any, key: UUID) -> bool:
    """Only the last mark counts: the text may quote another, or continue below it."""
    marks = [line for line in str(text).splitlines() if line.startswith("[syncsite ")]
    return marks[-1:] == [mark(key)]


@dataclass(frozen=True)
class Marked:
    """A text in a CRM that ends with our mark, where the CRM has no field for our key."""

    text: Any
    key: UUID
    ending: str  # The mark, or empty if the CRM has a field.

    @property
    def is_marked(self) -> bool:
        return not self.ending or is_marked(self.text, self.key)

    @property
    def without(self) -> str:
        return self.strip(self.text)

    def strip(self, text: Any) -> str:
        lines = str(text or "").splitlines()
        return "\n".join(line for line in lines if line != mark(self.key)).rstrip("\n")

    def with_mark(self, text: str) -> str:
        return f"{text}\n\n{self.ending}".strip("\n") if self.ending else text


def titled(meeting: Any) -> tuple[str, str]:
    """A prefix that tells how the meeting went, and the title.

    The prefix is the title's own where it says the same, or nothing else does.
    """
    own, rest = split_prefix(meeting.title)
    prefix = PREFIXES[meeting.status]
    return (own, rest) if prefix in {"", own} else (prefix, meeting.title)


def with_prefix(prefix: str, title: str) -> str:
    """A title for a CRM that has no field for how a meeting went."""
    return f"{prefix}: {title}" if prefix else title


def split_prefix(text: Any) -> tuple[str, str]:
    """How the meeting went, if the title says so, and the title."""
    prefix, colon, title = str(text or "").partition(": ")
    return (prefix, title) if colon and prefix in PREFIXES.values() else ("", str(text or ""))


def split_name(name: str) -> tuple[str, str]:
    """First and last name; both empty where it is none. A single word is a last name."""
    words = " ".join(name.replace('"', " ").split())
    if not words or "@" in words:  # Mail programs put the address where a name is missing.
        return "", ""
    parsed = HumanName(words)
    first = " ".join(filter(None, [parsed.first, parsed.middle]))
    return (first, parsed.last) if parsed.last else ("", first)


def last_name_for(email: str) -> str:
    """For a CRM that insists on one."""
    return email.partition("@")[0]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
