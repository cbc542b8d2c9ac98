"""The sandbox CRM's own data."""

from django.db import models


class SandboxRecord(models.Model):
    """A record in the sandbox CRM, as a real CRM would hold it."""

    account = models.CharField(max_length=255)
    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=320)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "key"], name="one_sandbox_record")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class SandboxFault(models.Model):
    """How often the sandbox has simulated a fault for one meeting."""

    meeting_key = models.UUIDField()
    email = models.CharField(max_length=320)
    times = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meeting_key", "email"], name="one_sandbox_fault")
        ]

    def __str__(self) -> str:
        return f"{self.email} × {self.times}"
