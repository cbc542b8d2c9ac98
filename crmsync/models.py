import secrets
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from crmsync.fields import EncryptedJSONField, Sealed
from meetings.models import Meeting, SyncStep

REFERENCE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Nothing that reads like something else.


def new_reference() -> str:
    return "SY-" + "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(7))


def nothing_sealed() -> Sealed:
    return Sealed("")


class Connection(models.Model):
    """A person's authorised link to one CRM account. Written in connections.py only.

    Disconnecting keeps the row, so that what was written to the account stays known.
    """

    class State(models.TextChoices):
        CONNECTED = "connected"
        NEEDS_REAUTH = "needs_reauth"
        PAUSED = "paused"
        DISCONNECTED = "disconnected"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="connection")
    provider = models.CharField(max_length=32)
    account_id = models.CharField(max_length=255)
    account_name = models.CharField(max_length=255)
    credentials = EncryptedJSONField(default=nothing_sealed, editable=False)
    renewing_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then one process fetches a new token."
    )
    capabilities = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        editable=False,
        help_text="What the account was found to be able to do when it was connected.",
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.CONNECTED)
    not_before = models.DateTimeField(
        null=True, blank=True, help_text="Until then the CRM wants no calls."
    )
    contacts_unsure_until = models.DateTimeField(
        null=True, editable=False, help_text="The CRM may still be making contacts until then."
    )
    last_error = models.CharField(max_length=64, blank=True)
    connected_at = models.DateTimeField(default=timezone.now)
    account_since = models.DateTimeField(null=True, editable=False)
    version = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)

    def __str__(self) -> str:
        return f"{self.account_name} ({self.provider})"


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    def active(self) -> "SyncRunQuerySet":
        return self.filter(status__in=SyncRun.ACTIVE)

    def startable(self, now: datetime) -> "SyncRunQuerySet":
        """Whose connection works and whose CRM takes calls."""
        takes_calls = Q(connection__not_before=None) | Q(connection__not_before__lte=now)
        return self.filter(takes_calls, connection__state=Connection.State.CONNECTED)

    def latest_of(self, meeting: Any) -> "SyncRunQuerySet":
        """The runs of a meeting or of an OuterRef to one, the latest first."""
        return self.filter(meeting=meeting).order_by("-id")

    def without_open_attempt(self) -> "SyncRunQuerySet":
        """Also of an earlier run of the same meeting: one sync per meeting at a time."""
        open_attempts = SyncAttempt.objects.filter(finished_at=None)
        return self.exclude(
            models.Exists(open_attempts.filter(run__meeting=models.OuterRef("meeting")))
        )


class SyncRun(models.Model):
    """One execution of the sync of one meeting. Written in lifecycle.py, attempts.py, turns.py.

    `attempt` is the fencing token, +1 at every claim. `due_at` is the earliest next claim; while a
    worker holds the run it is the end of its lease. A terminal status never changes.
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

    ACTIVE = (Status.QUEUED, Status.RUNNING, Status.RETRYING)

    # Where `db_index` is off another index starts with the same column.
    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="sync_runs", db_index=False)
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="sync_runs")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    step = models.PositiveSmallIntegerField(choices=SyncStep.choices, default=SyncStep.CONTACTS)
    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="Of the current step.")
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, help_text="When the last hint went to a worker.")
    wait_reason = models.CharField(max_length=16, choices=WaitReason.choices, blank=True)
    waits_for_contacts = models.BooleanField(
        default=False, db_default=False, help_text="Another run of the connection makes some."
    )
    error_code = models.CharField(max_length=64, blank=True)
    error_cause = models.CharField(max_length=64, blank=True, help_text="What exhausted the tries.")
    error_field = models.CharField(max_length=255, blank=True)
    error_detail = models.TextField(blank=True, help_text="The CRM's own words, fit for its user.")
    reference = models.CharField(max_length=16, default=new_reference, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    reason = models.TextField(blank=True, help_text="Why staff put it back.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)
    step_started_at = models.DateTimeField(null=True, help_text="Of the latest try.")
    finished_at = models.DateTimeField(null=True)
    written = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text="So far, to the CRM.",
    )
    pace = models.JSONField(null=True, help_text="Seconds expected of each step, for its progress.")

    objects: ClassVar[SyncRunQuerySet] = SyncRunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-id"]
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
            models.Index(fields=["error_code"], name="failed_runs", condition=Q(status="failed")),
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
    def is_outdated(self) -> bool:
        """Whether the meeting was edited since the run began, or was asked for if it has not."""
        return self.meeting.updated_at > (self.started_at or self.created_at)

    @property
    def is_of_former_account(self) -> bool:
        """Whether it is over and wrote to another account than the connection leads to now."""
        since = self.connection.account_since
        return self.status not in self.ACTIVE and bool(since and self.created_at < since)


class SyncAttempt(models.Model):
    """One try of one step, written before the call to the CRM and completed after it."""

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
    makes_contacts = models.BooleanField(
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


class StepPace(models.Model):
    """How long the latest successes of a step took at one provider. Written in pace.py only."""

    provider = models.CharField(max_length=32)
    step = models.PositiveSmallIntegerField(choices=SyncStep.choices)
    recent = models.JSONField(default=list, help_text="Seconds, the latest last.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "step"], name="one_pace_per_step")
        ]

    def __str__(self) -> str:
        return f"{self.provider}, {SyncStep(self.step).label}"


class RemoteRecord(models.Model):
    """What we wrote to a CRM account. Written in records.py only."""

    class Kind(models.TextChoices):
        CONTACT = "contact"
        MEETING = "meeting"
        NOTE = "note"
        LINK = "link"

    class Action(models.TextChoices):
        CREATED = "created"
        UPDATED = "updated"
        UNCHANGED = "unchanged"

    connection = models.ForeignKey(
        Connection, models.CASCADE, related_name="records", db_index=False
    )
    meeting = models.ForeignKey(Meeting, models.SET_NULL, null=True, related_name="remote_records")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    local_key = models.CharField(max_length=320)
    remote_id = models.CharField(max_length=255)
    url = models.URLField(max_length=500, blank=True)
    action = models.CharField(max_length=16, choices=Action.choices)
    payload_hash = models.CharField(max_length=64, blank=True)
    written_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind", "local_key"], name="one_remote_record_per_local_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.local_key}"


class SignIn(models.Model):
    """A person on their way to a CRM and back. Written in oauth.py only."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    provider = models.CharField(max_length=32)
    nonce = models.CharField(max_length=64, unique=True)
    begun_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.provider} since {self.begun_at:%H:%M}"


class IdempotentRequest(models.Model):
    """A request that was sent with an Idempotency-Key. Written in idempotency.py only."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="Of method, path and body.")
    begun_at = models.DateTimeField(default=timezone.now)
    answer = models.JSONField(null=True, help_text="Null while the request is at work.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="one_request_per_idempotency_key")
        ]

    def __str__(self) -> str:
        return self.key


class SandboxRecord(models.Model):
    """A record of the sandbox CRM: what a real CRM would hold on its side."""

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
    """How often the sandbox has acted out a fault for one meeting."""

    meeting_key = models.UUIDField()
    email = models.CharField(max_length=320)
    times = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meeting_key", "email"], name="one_sandbox_fault")
        ]

    def __str__(self) -> str:
        return f"{self.email} × {self.times}"
