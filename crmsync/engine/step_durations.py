"""How long a step takes, from the latest successes at each provider.

Samples are collected in memory; the first one after some seconds writes them. A process that ends
loses the rest, which is harmless.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from django.db import transaction

from crmsync.models import StepDuration
from meetings.models import SyncStep

DEFAULT_SECONDS = {SyncStep.CONTACTS: 1.5, SyncStep.MEETING: 1.0, SyncStep.NOTES: 1.0}  # Seconds.
MIN_SAMPLES = 5
MAX_SAMPLES = 50
WRITE_EVERY = 5  # Seconds.

_lock = threading.Lock()
_samples: dict[tuple[str, int], list[float]] = defaultdict(list)
_written_at: dict[tuple[str, int], float] = {}


def expected_seconds(provider: str) -> list[float]:
    """Seconds per step, in order."""
    learned = {
        row.step: median(row.recent)
        for row in StepDuration.objects.filter(provider=provider)
        if len(row.recent) >= MIN_SAMPLES
    }
    return [round(learned.get(step, DEFAULT_SECONDS[step]), 1) or 0.1 for step in SyncStep]


def record(provider: str, step: int, seconds: float) -> None:
    """Adds one success."""
    key, now = (provider, step), time.monotonic()
    with _lock:
        _samples[key].append(round(seconds, 2))
        if now < _written_at.get(key, -WRITE_EVERY) + WRITE_EVERY:
            return
        _written_at[key] = now
        collected = _samples.pop(key)
    _write(provider, step, collected)


def forget() -> None:
    """What is not written yet."""
    with _lock:
        _samples.clear()
        _written_at.clear()


@transaction.atomic
def _write(provider: str, step: int, collected: Sequence[float]) -> None:
    """Skips a row that is locked; losing some samples is harmless."""
    rows = StepDuration.objects.filter(provider=provider, step=step)
    row = rows.select_for_update(skip_locked=True, no_key=True).first()
    if row is None:  # It does not exist, or it is locked.
        first = {"recent": collected[-MAX_SAMPLES:]}
        StepDuration.objects.get_or_create(provider=provider, step=step, defaults=first)
        return
    row.recent = [*row.recent, *collected][-MAX_SAMPLES:]
    row.save(update_fields=["recent"])
