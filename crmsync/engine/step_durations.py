"""How long a step takes, from the latest successes at each provider."""

from statistics import median

from django.db import transaction

from crmsync.models import StepDuration
from meetings.models import SyncStep

DEFAULT_SECONDS = {SyncStep.CONTACTS: 1.5, SyncStep.MEETING: 1.0, SyncStep.NOTES: 1.0}  # Seconds.
MIN_SAMPLES = 5
MAX_SAMPLES = 50


def expected_seconds(provider: str) -> list[float]:
    """Seconds per step, in order."""
    learned = {
        row.step: median(row.recent)
        for row in StepDuration.objects.filter(provider=provider)
        if len(row.recent) >= MIN_SAMPLES
    }
    return [round(learned.get(step, DEFAULT_SECONDS[step]), 1) or 0.1 for step in SyncStep]


@transaction.atomic
def record(provider: str, step: int, seconds: float) -> None:
    """Adds one success. Skip if the row is locked; losing one sample is harmless."""
    rows = StepDuration.objects.filter(provider=provider, step=step)
    row = rows.select_for_update(skip_locked=True, no_key=True).first()
    if row is None:  # It does not exist, or it is locked.
        first = {"recent": [round(seconds, 2)]}
        StepDuration.objects.get_or_create(provider=provider, step=step, defaults=first)
        return
    row.recent = [*row.recent, round(seconds, 2)][-MAX_SAMPLES:]
    row.save(update_fields=["recent"])
