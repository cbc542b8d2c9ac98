"""Totals of ended syncs, so that reading them counts no rows and pruning lowers no counter."""

from django.db import models

from meetings.models import SyncStep


class RunTotals(models.Model):
    """Ended runs of one kind, and their attempts. Written in metrics/totals.py only."""

    provider = models.CharField(max_length=32)
    status = models.CharField(max_length=16)
    error_code = models.CharField(max_length=64, blank=True)
    error_cause = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="What exhausted the tries."
    )
    runs = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "status", "error_code", "error_cause"],
                name="one_total_per_kind_and_cause",
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.status} {self.error_code}".rstrip()


class StepTotals(models.Model):
    """How long successful steps took, as a histogram. Written in metrics/totals.py only."""

    provider = models.CharField(max_length=32)
    step = models.PositiveSmallIntegerField(choices=SyncStep.choices)
    counts = models.JSONField(default=list, help_text="By bucket; the last has no upper end.")
    seconds = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "step"], name="one_total_per_step")
        ]

    def __str__(self) -> str:
        return f"{self.provider}, {SyncStep(self.step).label}"


class RecentRuns(models.Model):
    """Syncs that ended alike within ten minutes. Written in metrics/totals.py only."""

    since = models.DateTimeField(help_text="The start of the ten minutes.")
    provider = models.CharField(max_length=32)
    status = models.CharField(max_length=16)
    runs = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["since", "provider", "status"], name="one_total_per_kind_and_ten_minutes"
            )
        ]

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M}: {self.provider} {self.status}"


class RecentSteps(models.Model):
    """Successful steps of ten minutes, as a histogram. Written in metrics/totals.py only."""

    since = models.DateTimeField(help_text="The start of the ten minutes.")
    provider = models.CharField(max_length=32)
    step = models.PositiveSmallIntegerField(choices=SyncStep.choices)
    counts = models.JSONField(default=list, help_text="By bucket; the last has no upper end.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["since", "provider", "step"], name="one_total_per_step_and_ten_minutes"
            )
        ]

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M}: {self.provider}, {SyncStep(self.step).label}"
