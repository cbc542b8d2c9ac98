"""What was written to a CRM."""

from django.db import models

from crmsync.models.connection import Connection
from meetings.models import Meeting


class RemoteRecord(models.Model):
    """What we wrote to a CRM account. Written in engine/remote_records.py only."""

    class Kind(models.TextChoices):
        CONTACT = "contact"
        MEETING = "meeting"
        NOTE = "note"
        LINK = "link"

    class Action(models.TextChoices):
        CREATED = "created"
        UPDATED = "updated"
        UNCHANGED = "unchanged"
        SKIPPED = "skipped"
        REMOVED = "removed"

    connection = models.ForeignKey(
        Connection, models.CASCADE, related_name="records", db_index=False
    )
    meeting = models.ForeignKey(Meeting, models.SET_NULL, null=True, related_name="remote_records")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    local_key = models.CharField(max_length=320)
    remote_id = models.CharField(max_length=255, blank=True, help_text="Empty if skipped.")
    url = models.URLField(max_length=500, blank=True)
    action = models.CharField(max_length=16, choices=Action.choices)
    field_digests = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        help_text="Of the values that we wrote, or may have written.",
    )
    payload_hash = models.CharField(max_length=64, blank=True, help_text="Of older versions.")
    written_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind", "local_key"], name="one_remote_record_per_local_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.local_key}"
