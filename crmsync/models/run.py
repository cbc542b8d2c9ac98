"""Syncs."""

import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Min, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from crmsync.models.connection import Connection
from meetings import content
from meetings.models import Meeting, SyncStep

REFERENCE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # No letters that look alike.


def new_reference() -> str:
    return "SY-" + "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(7))


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    def active(self) -> "SyncRunQuerySet":
        return self.filter(status__in=SyncRun.ACTIVE)

    def with_cause(self, code: str) -> "SyncRunQuerySet":
        """Runs that ended or wait with this error, or whose tries it exhausted."""
        return self.filter(Q(error_code=code) | Q(error_cause=code))

    def startable(self, now: datetime) -> "SyncRunQuerySet":
        """Runs whose connection works, and whose CRM answers and accepts calls now."""
        return self.reachable(now).filter(connection__host__open_since=None)

    def reachable(self, now: datetime) -> "SyncRunQuerySet":
        """Runs whose connection works and accepts calls now, should its host answer."""
        takes_calls = Q(connection__not_before=None) | Q(connection__not_before__lte=now)
        return self.filter(takes_calls, connection__state=Connection.State.CONNECTED)

    def latest_of(self, meeting: Any) -> "SyncRunQuerySet":
        """The runs of a meeting or of an OuterRef to one, latest first."""
        return self.filter(meeting=meeting).order_by("-id")

    def latest_of_each(self) -> "SyncRunQuerySet":
        """The latest run of each meeting, if it is among these."""
        latest = SyncRun.objects.latest_of(models.OuterRef("meeting")).values("pk")
        return self.filter(pk=models.Subquery(latest[:1]))

    def without_open_attempt(self) -> "SyncRunQuerySet":
        """Without one in any run of the meeting: one sync per meeting at a time."""
        # In one filter(), both conditions apply to the same attempt.
        open_attempt = {"attempts__started_at__isnull": False, "attempts__finished_at": None}
        same_meeting = SyncRun.objects.filter(meeting=models.OuterRef("meeting"), **open_attempt)
        return self.exclude(models.Exists(same_meeting))

    def overdue(self, now: datetime, since: datetime) -> "SyncRunQuerySet":
        """Runs that have been ready since then, but that no worker has taken."""
        due = self.active().startable(now)
        host = "connection__host__closed_at"
        answers = Q(**{host: None}) | Q(**{f"{host}__lte": since})
        return due.filter(answers, due_at__lte=since, ready_since__lte=since)

    def stuck_since(self, since: datetime, now: datetime) -> "SyncRunQuerySet":
        """Runs that have been ready since then, and whose delay no CRM caused."""
        blameless = Q(failures=0) | Q(error_code="worker_lost")
        return self.active().startable(now).filter(blameless, ready_since__lte=since)

    def longest_wait(self, now: datetime) -> float:
        """Seconds for which the longest waiting run has been ready."""
        ready_at = Min(Greatest("due_at", "ready_since"))
        since = self.overdue(now, now).aggregate(at=ready_at)["at"]
        return (now - since).total_seconds() if since else 0.0


class SyncRun(models.Model):
    """One sync of one meeting. Written in operations/syncs.py and engine/ only.

    `attempt` is the fencing token, +1 at every claim. `due_at` is the earliest next claim; while a
    worker holds the run, it is the end of the lease. A terminal status never changes.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        RETRYING = "retrying"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELED = "canceled"

    class WaitReason(models.TextChoices):
        RATE_LIMITED = "rate_limited"
        OTHER_SYNCS = "other_syncs"

    # If nobody has taken a run for so long after its turn came, nobody works on it.
    UNATTENDED_AFTER = timedelta(seconds=30)

    ACTIVE = (Status.QUEUED, Status.RUNNING, Status.RETRYING)

    # Without `db_index`, another index starts with the same column.
    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="sync_runs", db_index=False)
    connection = models.ForeignKey(
        Connection, models.CASCADE, related_name="sync_runs", db_index=False
    )
    provider = models.CharField(
        max_length=32,
        blank=True,
        default="",
        db_default="",
        help_text="The connection may lead elsewhere now.",
    )
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    step = models.PositiveSmallIntegerField(choices=SyncStep.choices, default=SyncStep.CONTACTS)
    removes = models.BooleanField(
        default=False, db_default=False, help_text="It removes the meeting from the CRM."
    )
    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="Of the current step.")
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, help_text="When the last hint went to a worker.")
    ready_since = models.DateTimeField(
        null=True, editable=False, help_text="Since when it is its turn on its connection."
    )
    wait_reason = models.CharField(max_length=16, choices=WaitReason.choices, blank=True)
    waits_for_contact_lock = models.BooleanField(
        default=False, db_default=False, help_text="Another run of the connection makes some."
    )
    error_code = models.CharField(max_length=64, blank=True)
    error_cause = models.CharField(max_length=64, blank=True, help_text="What exhausted the tries.")
    error_field = models.CharField(max_length=255, blank=True)
    error_path = models.CharField(
        max_length=64, default="", db_default="", help_text="Of the refused field of the meeting."
    )
    error_detail = models.TextField(blank=True, help_text="The CRM's own words, fit for its user.")
    reference = models.CharField(max_length=16, default=new_reference, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    reason = models.TextField(blank=True, help_text="Why staff put it back.")
    request_id = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Of the request that started it.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)
    step_started_at = models.DateTimeField(null=True, help_text="Of the latest try.")
    finished_at = models.DateTimeField(null=True)
    written = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text="So far, to the CRM.",
    )
    read_digest = models.CharField(
        max_length=content.MAX_LENGTH,
        default="",
        db_default="",
        editable=False,
        help_text="Of the meeting as the latest try read it.",
    )
    written_digest = models.CharField(
        max_length=content.MAX_LENGTH,
        default="",
        db_default="",
        editable=False,
        help_text="Of the meeting as its steps have written it so far.",
    )
    account_number = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Of the connection, when it began."
    )
    expected_seconds = models.JSONField(null=True, help_text="Of each step, for its progress.")
    counted = models.BooleanField(default=False, db_default=False, help_text="In the totals.")

    objects: ClassVar[SyncRunQuerySet] = SyncRunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-id"]
        verbose_name = "sync"
        permissions = [
            ("requeue_syncrun", "Can re-queue syncs"),
            ("cancel_syncrun", "Can cancel syncs"),
        ]
        indexes = [
            models.Index(fields=["meeting", "-id"], name="runs_of_meeting"),
            models.Index(
                fields=["due_at"],
                name="due_runs",
                condition=Q(status__in=["queued", "running", "retrying"]),
            ),
            models.Index(
                fields=["connection"],
                name="active_runs",
                condition=Q(status__in=["queued", "running", "retrying"]),
            ),
            models.Index(fields=["connection", "finished_at"], name="runs_of_connection"),
            models.Index(fields=["status", "-id"], name="runs_by_status"),
            models.Index(fields=["provider", "-id"], name="runs_by_provider"),
            models.Index(
                fields=["error_code", "-id"], name="runs_by_error", condition=~Q(error_code="")
            ),
            models.Index(
                fields=["error_cause", "-id"], name="runs_by_cause", condition=~Q(error_cause="")
            ),
            models.Index(fields=["created_at"], name="runs_by_age"),
            models.Index(fields=["finished_at", "status", "error_code"], name="ended_runs"),
            models.Index(
                fields=["id"],
                name="uncounted_runs",
                condition=Q(counted=False, finished_at__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="one_run_per_reference"),
            models.UniqueConstraint(
                fields=["meeting"],
                name="one_active_run_per_meeting",
                condition=Q(status__in=["queued", "running", "retrying"]),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def crm(self) -> str:
        """The provider that the run writes or wrote to."""
        return self.provider or self.connection.provider

    @property
    def is_of_former_account(self) -> bool:
        """Whether the run has ended and wrote to another account than the connected one."""
        return (
            self.status not in self.ACTIVE and self.account_number < self.connection.account_number
        )
