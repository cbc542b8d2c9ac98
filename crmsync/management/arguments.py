"""Types of arguments. A wrong value ends the command with one sentence."""

import math
from argparse import ArgumentTypeError
from datetime import datetime, timedelta

from django.utils import timezone

MAX_ID = 2**63 - 1


def whole_number(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    if not is_number or not 0 < int(text) <= MAX_ID:
        raise ArgumentTypeError(f"give a whole number from 1 on, not {text}")
    return int(text)


def positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < math.inf:
        raise ArgumentTypeError(f"give a number above zero, not {text}")
    return number


def days(text: str) -> timedelta:
    """From `90d`."""
    number = text.removesuffix("d")
    if number == text or not (number.isascii() and number.isdigit() and len(number) < 6):
        raise ArgumentTypeError(f"give days, as in 90d, not {text}")
    return timedelta(days=int(number))


def moment(text: str) -> datetime:
    """In UTC, unless it has an offset."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"give a date and time, as in 2026-09-01T14:30, not {text}"
        ) from error
    return given if given.tzinfo else timezone.make_aware(given)
