"""Incidents, and the alerts about them."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from crmsync.models.connection import Connection
from crmsync.models.delivery import DeliveryQuerySet


class Incident(models.Model):
    """One cause that keeps syncs from succeeding. Written in incidents/incidents.py only.

    It belongs to a connection; without one, to a provider or to one host of it; without any of
    these, to syncsite itself.
    """

    connection = models.ForeignKey(
        Connection, models.CASCADE, null=True, related_name="incidents", db_index=False
    )
    provider = models.CharField(max_length=32, blank=True)
    host_name = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="Of one that is out."
    )
    cause = models.CharField(max_length=64, help_text="An error code, or what is stalled.")
    part_of = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="parts", help_text="The provider's."
    )
    syncs = models.PositiveIntegerField(default=0, help_text="How many it has affected.")
    opened_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    alerted_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(
        max_length=254, blank=True, default="", db_default="", help_text="Empty: by itself."
    )
    note = models.TextField(blank=True, default="", db_default="", help_text="Of who resolved it.")

    class Meta:
        ordering = ["-id"]
        permissions = [("snooze_incident", "Can snooze and resolve incidents")]
        indexes = [
            models.Index(fields=["connection", "cause"], name="incidents_of_connection"),
            models.Index(fields=["resolved_at"], name="incidents_by_end"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "cause"],
                name="one_open_incident_per_connection",
                condition=Q(resolved_at=None),
            ),
            models.UniqueConstraint(
                fields=["provider", "host_name", "cause"],
                name="one_open_incident_per_provider_and_host",
                condition=Q(resolved_at=None, connection=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cause} ({self.connection or self.provider or 'syncsite'})"


class Alert(models.Model):
    """One message about an incident to one address. Written in incidents/alerts.py only."""

    class Kind(models.TextChoices):
        OPENED = "opened"
        RESOLVED = "resolved"

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="alerts", editable=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    target = models.CharField(
        max_length=64, help_text="`e-mail`, or the digest of one of the ALERT_URLS."
    )
    created_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, help_text="When the last hint went to a worker.")
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    objects = DeliveryQuerySet["Alert"].as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="due_alerts",
                condition=Q(delivered_at=None, given_up_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.incident}"
