"""The servers that connections lead to."""

from django.db import models


class CrmHost(models.Model):
    """A CRM's server, with its circuit breaker. Written in engine/breaker.py only."""

    name = models.CharField(max_length=255, unique=True)
    provider = models.CharField(max_length=32)
    failures = models.PositiveIntegerField(
        default=0, help_text="In a row, of those that another connection would meet as well."
    )
    failing = models.JSONField(default=list, help_text="The ids of connections that met them.")
    open_since = models.DateTimeField(
        null=True, help_text="Since then nobody got an answer, and syncs wait."
    )
    probe_at = models.DateTimeField(null=True, help_text="When the next sync may try.")
    closed_at = models.DateTimeField(null=True)
    is_announced = models.BooleanField(
        default=True, help_text="Whether its connections were told of the latest change."
    )

    def __str__(self) -> str:
        return self.name
