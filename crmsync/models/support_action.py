"""What staff did to syncs, connections, incidents and customers, and why."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class SupportAction(models.Model):
    """An audit entry, and a work list until it is finished.

    Written in operations/support_actions.py only.
    """

    class Kind(models.TextChoices):
        REQUEUE = "requeue", "re-queue where it failed"
        RESTART = "restart", "re-queue from the start"
        RETRY = "retry", "retry now"
        CANCEL = "cancel", "cancel"
        PAUSE = "pause", "pause the connection"
        RESUME = "resume", "resume the connection"
        CHECK = "check", "check the connection"
        PASSWORD_MAIL = "password_mail", "send a password mail"
        SNOOZE_HOUR = "snooze_hour", "snooze for an hour"
        SNOOZE_DAY = "snooze_day", "snooze for a day"
        END_SNOOZE = "end_snooze", "end the snooze"
        RESOLVE = "resolve", "resolve"
        LOG_IN = "log_in", "log in"

    OF_MEETINGS = (Kind.REQUEUE, Kind.RESTART, Kind.RETRY, Kind.CANCEL)
    OF_CONNECTIONS = (Kind.PAUSE, Kind.RESUME, Kind.CHECK)
    OF_CUSTOMERS = (Kind.PASSWORD_MAIL,)
    OF_INCIDENTS = (Kind.SNOOZE_HOUR, Kind.SNOOZE_DAY, Kind.END_SNOOZE, Kind.RESOLVE)

    kind = models.CharField(max_length=16, choices=Kind.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=254, help_text="Stays when the person's account goes.")
    reason = models.TextField(max_length=1000)
    targets = models.JSONField(
        help_text="Ids of what it acts on: meetings, connections, customers or incidents."
    )
    position = models.PositiveIntegerField(default=0, help_text="How many of them are done.")
    outcomes = models.JSONField(default=dict, help_text="What they came to, counted.")
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, help_text="When the last hint went to a worker.")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(
        max_length=254, blank=True, default="", db_default="", help_text="Before it was done."
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["due_at"], name="due_support_actions", condition=Q(finished_at=None)
            ),
            models.Index(fields=["created_at"], name="support_actions_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.by_name}"


class ActionResult(models.Model):
    """What became of one target of an action. Written in operations/support_actions.py only."""

    action = models.ForeignKey(SupportAction, models.CASCADE, related_name="results")
    target = models.PositiveBigIntegerField(help_text="An id; the kind of the action says of what.")
    outcome = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["target", "-id"], name="actions_on_target")]

    def __str__(self) -> str:
        return f"{self.target}: {self.outcome}"
