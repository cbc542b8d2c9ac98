"""Mails to customers."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from crmsync.models.delivery import DeliveryQuerySet
from crmsync.models.run import SyncRun


class Notice(models.Model):
    """A mail to a person about what only they, or their CRM's administrator, can mend.

    Written in incidents/notices.py only.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    run = models.ForeignKey(SyncRun, models.CASCADE, related_name="+")
    cause = models.CharField(max_length=64, help_text="An error code.")
    created_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, help_text="When the last hint went to a worker.")
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True, help_text="Also if it is not so any more.")
    last_error = models.TextField(blank=True)

    objects = DeliveryQuerySet["Notice"].as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                name="due_notices",
                condition=Q(delivered_at=None, given_up_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.cause} to {self.user}"
