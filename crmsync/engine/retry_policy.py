"""What to do about a failed attempt. Pure: no clock, no database."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from crmsync.errors import Actor, CrmError, ErrorKind, Handling

JITTER = 0.2
STAGGER = 0.1  # Up to this share is added to a wait, so that connections do not resume all at once.
MIN_WAIT = 1  # Seconds.
MAX_WAIT = 24 * 3600  # Seconds, whatever a CRM asks for.


@dataclass(frozen=True)
class Retry:
    seconds: float


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Hold:
    pass


@dataclass(frozen=True)
class AwaitHost:
    """The CRM answers nobody. It burns no try."""


@dataclass(frozen=True)
class GiveUp:
    code: str


Decision = Retry | Wait | Hold | AwaitHost | GiveUp


def decide(
    error: CrmError,
    failures: int,
    delays: Sequence[float],
    rng: random.Random,
    previous: str = "",
) -> Decision:
    """Decides what follows a failed attempt. `delays` are seconds.

    `failures`: earlier failures of this step. `previous`: the code of the last one.
    """
    kind = error.kind
    if kind.handling is Handling.WAIT:
        # A time in the past means now; no time at all means the default.
        wished = kind.wait_seconds if error.retry_after is None else error.retry_after
        wait = max(MIN_WAIT, wished) * rng.uniform(1, 1 + STAGGER)
        return Wait(min(wait, MAX_WAIT))
    if kind.handling is Handling.HOLD:
        return Hold()
    if kind.handling is Handling.GIVE_UP:
        return GiveUp(error.code)
    if kind.category == "gone" and previous != error.code:
        return Retry(next_delay(failures, delays, rng, error.retry_after))
    if failures + 1 >= max_tries(kind, delays):
        speaks_for_itself = kind.category == "bug" or kind.actor is Actor.YOU
        return GiveUp(error.code if speaks_for_itself else "attempts_exhausted")
    return Retry(next_delay(failures, delays, rng, error.retry_after))


def max_tries(kind: ErrorKind | None, delays: Sequence[float]) -> int:
    """How often a step may be tried if it fails with this kind of error."""
    return (kind.tries if kind else None) or len(delays) + 1


def next_delay(
    failures: int, delays: Sequence[float], rng: random.Random, retry_after: float | None = None
) -> float:
    """Seconds until the next attempt: backoff with ±20 % jitter, never before the CRM allows it."""
    if not delays:
        return retry_after or 0
    jittered = delays[min(failures, len(delays) - 1)] * rng.uniform(1 - JITTER, 1 + JITTER)
    return min(max(jittered, retry_after or 0), MAX_WAIT)
