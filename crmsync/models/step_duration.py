"""How long the steps take at each provider."""

from django.db import models

from meetings.models import SyncStep


class StepDuration(models.Model):
    """How long recent successes of a step took at one provider.

    Written in engine/step_durations.py only.
    """

    provider = models.CharField(max_length=32)
    step = models.PositiveSmallIntegerField(choices=SyncStep.choices)
    recent = models.JSONField(default=list, help_text="Seconds, the latest last.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "step"], name="one_duration_per_step")
        ]

    def __str__(self) -> str:
        return f"{self.provider}, {SyncStep(self.step).label}"
