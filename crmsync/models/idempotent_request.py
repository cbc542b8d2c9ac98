"""Requests with an Idempotency-Key."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone


class IdempotentRequest(models.Model):
    """A request that was sent with an Idempotency-Key. Written in api/idempotency.py only."""

    LIFETIME = timedelta(hours=24)

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", null=True)
    scope = models.CharField(
        max_length=100, default="", db_default="", help_text="Whose key it is."
    )
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="Of method, path and body.")
    begun_at = models.DateTimeField(default=timezone.now, db_index=True)
    answer = models.JSONField(null=True, help_text="Null while the request is at work.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "key"],
                name="one_request_per_key_and_scope",
                condition=~models.Q(scope=""),
            )
        ]

    def __str__(self) -> str:
        return self.key
