"""What staff did to syncs and connections, and why."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class SupportAction(models.Model):
    """An audit entry, and a work list until it is finished.

    Written in operations/support_actions.py only.
    """

    class Kind(models.TextChoices):
        REQUEUE = "requeue", "re-queue, continue"
        RESTART = "restart", "re-queue, from the start"
        CANCEL = "cancel", "cancel"
        PAUSE = "pause", "pause the connection"
        RESUME = "resume", "resume the connection"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=254, help_text="Stays when the person's account goes.")
    reason = models.TextField(max_length=1000)
    targets = models.JSONField(help_text="Ids of meetings; of connections to pause or resume.")
    position = models.PositiveIntegerField(default=0, help_text="How many of them are done.")
    outcomes = models.JSONField(default=dict, help_text="What they came to, counted.")
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, help_text="When the last hint went to a worker.")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["due_at"], name="due_support_actions", condition=Q(finished_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.by_name}"
