"""A person's words as CRMs take them."""

from collections.abc import Callable, Iterable, Iterator
from html import escape
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.utils.translation import gettext_noop

T = TypeVar("T")
ENDING = "\n… (shortened)"
SHORTENED = gettext_noop("shortened")


def fit(text: str, limit: int, form: Callable[[str], str] = str) -> tuple[str, str]:
    """The text in its form, cut visibly to `limit` UTF-16 units, and a remark where it was cut."""
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
    """Nothing in it is markup, and its lines stay lines."""
    return escape(text).replace("\n", "<br>")


def mark(key: UUID) -> str:
    """What tells our text from others, in a line of its own at its end."""
    return f"[syncsite {key}]"


def is_marked(text: Any, key: UUID) -> bool:
    """The last mark counts: the text may quote another, and somebody may have written on below."""
    marks = [line for line in str(text).splitlines() if line.startswith("[syncsite ")]
    return marks[-1:] == [mark(key)]


def split_name(name: str, email: str) -> tuple[str, str]:
    """First and last name; who has none is known by the address."""
    first, _, last = name.strip().rpartition(" ")
    return first.strip(), last or email.partition("@")[0]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
