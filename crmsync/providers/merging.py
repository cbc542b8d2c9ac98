"""What we write over a record that people edit as well: nothing of theirs is lost.

A field is written where it is empty, or where its value is one that we wrote. Where somebody has
edited it, a text of ours goes below theirs, once; any other field stays as it is. What we wrote is
known by digests: the values themselves are the CRM's.
"""

import hashlib
import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.html import strip_tags
from django.utils.translation import gettext_noop

Digests = Mapping[str, Sequence[str]]  # By field: of every value that may be ours.
HEADER = "— syncsite —"
KEPT = gettext_noop("changed in the CRM, so left as it is there")
LEFT = gettext_noop("somebody wrote there, so it was left")
LENGTH = 16  # Of a digest.


def one_line(value: str) -> str:
    return " ".join(value.split())


def instant(value: str) -> str:
    try:
        return datetime.fromisoformat(value).astimezone(UTC).isoformat(timespec="seconds")
    except ValueError:
        return value


def text_of_html(value: str) -> str:
    """The text, and what else somebody may have put there: a picture, a link, a table."""
    shown = re.sub(r"<(img|a|iframe|video|table|object|embed)\b([^>]*)>", r" [\1 \2] ", value)
    return one_line(html.unescape(strip_tags(re.sub(r"<(br|p|div|li)\b", r" <\1", shown))))


@dataclass(frozen=True)
class Form:
    """How a field is compared; `newline` and `limit` are those of a text that can be added to.

    The owner of the meeting entered nothing of a `quiet` field, nor of one with the `default`. The
    fields of a `group` are written together or not at all, such as a start and an end.
    """

    reduce: Callable[[str], str] = one_line
    newline: str = ""
    limit: int = 0
    quiet: bool = False
    default: str = ""
    group: str = ""


@dataclass(frozen=True)
class Merge:
    """`changes` are to be written; `kept`: whether something that was entered is not there."""

    changes: Mapping[str, Any]
    digests: Digests
    kept: bool = False


def merge(
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    known: Digests,
    forms: Mapping[str, Form],
) -> Merge:
    """`theirs` is the record as it is now; `known` are the digests of what we wrote before."""
    changes, digests, kept = {}, {}, False
    of = {name: forms.get(name, Form()) for name in ours}
    found = {
        name: _merge(_text(wanted), _text(theirs.get(name)), known.get(name, ()), of[name])
        for name, wanted in ours.items()
    }
    edited = {of[name].group for name, merged in found.items() if merged is None}
    for name, wanted in ours.items():
        form, merged, mine = of[name], found[name], known.get(name, ())
        current = _text(theirs.get(name))
        if merged is None or (form.group and form.group in edited):
            digests[name], kept = mine, kept or _is_missing(_text(wanted), current, form)
            continue
        digests[name] = [_digest(wanted, form)]
        if form.reduce(merged) != form.reduce(current):
            changes[name] = wanted if merged == _text(wanted) else merged
    return Merge(changes, digests, kept)


def digests_of(written: Mapping[str, Any], forms: Mapping[str, Form]) -> Digests:
    return {name: [_digest(value, forms.get(name, Form()))] for name, value in written.items()}


def our_parts(returned: Mapping[str, Any]) -> dict[str, str]:
    """What the CRM returned, but of a text that was added to somebody else's only our part."""
    return {name: _text(value).rpartition(HEADER)[2] for name, value in returned.items()}


def is_untouched(theirs: Mapping[str, Any], known: Digests, forms: Mapping[str, Form]) -> bool:
    """Whether every field has a value that we wrote."""
    return all(
        _digest(theirs.get(name), forms.get(name, Form())) in mine for name, mine in known.items()
    )


def united(*several: Digests) -> Digests:
    names = dict.fromkeys(name for digests in several for name in digests)
    return {
        name: list(dict.fromkeys(one for digests in several for one in digests.get(name, ())))
        for name in names
    }


def _merge(wanted: str, current: str, mine: Sequence[str], form: Form) -> str | None:
    """The new value; None if the field stays as somebody left it."""
    if form.reduce(current) == form.reduce(wanted) or not form.reduce(current):
        return wanted
    if _digest(current, form) in mine:
        return wanted
    return _beside_theirs(wanted, current, mine, form) if form.newline else None


def _beside_theirs(wanted: str, current: str, mine: Sequence[str], form: Form) -> str | None:
    before, header, block = current.rpartition(HEADER)
    is_ours = bool(header) and _digest(block, form) in {*mine, _digest(wanted, form)}
    theirs = _cut(before, form.newline) if is_ours else current
    if not is_ours and _digest(wanted, form) in mine:
        return None  # Somebody edited our text, which we have not changed since.
    if not form.reduce(wanted):
        return theirs
    joined = f"{theirs}{form.newline * 2}{HEADER}{form.newline}{wanted}"
    return joined if len(joined) <= form.limit else None


def _is_missing(wanted: str, current: str, form: Form) -> bool:
    ours = form.reduce(wanted)
    if form.quiet or ours == form.default:
        return False
    return not (form.newline and ours in form.reduce(current))


def _cut(text: str, newline: str) -> str:
    while text.endswith(newline):
        text = text.removesuffix(newline)
    return text


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _digest(value: Any, form: Form) -> str:
    return hashlib.sha256(form.reduce(_text(value)).encode()).hexdigest()[:LENGTH]
