"""The attempts of a sync's steps."""

from django.db import models
from django.db.models import Q

from crmsync.models.run import SyncRun
from meetings.models import SyncStep


class SyncAttempt(models.Model):
    """One attempt of one step, written before the call to the CRM and completed after it."""

    class Outcome(models.TextChoices):
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        INTERRUPTED = "interrupted"

    run = models.ForeignKey(SyncRun, models.CASCADE, related_name="attempts", db_index=False)
    claim = models.PositiveIntegerField(help_text="The run's fencing token of this try.")
    step = models.PositiveSmallIntegerField(choices=SyncStep.choices)
    number = models.PositiveIntegerField(help_text="Of this step; the first is 1.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    correlation_id = models.CharField(max_length=255, blank=True)
    internal_message = models.TextField(blank=True)
    outcome_unknown = models.BooleanField(default=False, help_text="Sent, but no answer came.")
    worker = models.CharField(
        max_length=128, blank=True, default="", db_default="", help_text="Its host and process."
    )
    holds_contact_lock = models.BooleanField(
        default=False,
        db_default=False,
        help_text="One such try per connection at a time: no address gets two contacts.",
    )

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["run"], name="open_attempts", condition=Q(finished_at=None))
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "claim"], name="one_attempt_per_claim")
        ]

    def __str__(self) -> str:
        return f"{SyncStep(self.step).label}, try {self.number}"
