import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.fields import LowercaseEmailField
from meetings import content

# Sensible dates; beyond them the limits of CRMs and databases begin.
PLAUSIBLE_TIME = [
    MinValueValidator(datetime(1970, 1, 1, tzinfo=UTC), _("This time is before 1970.")),
    MaxValueValidator(datetime(2200, 1, 1, tzinfo=UTC), _("This time is after 2200.")),
]


class SyncStep(models.IntegerChoices):
    CONTACTS = 1, _("Saving the contacts")
    MEETING = 2, _("Saving the meeting")
    NOTES = 3, _("Saving the notes")


class MeetingStatus(models.TextChoices):
    SCHEDULED = "scheduled", _("Scheduled")
    COMPLETED = "completed", _("Completed")
    NO_SHOW = "no_show", _("No show")
    CANCELED = "canceled", _("Canceled")


class MeetingQuerySet(models.QuerySet["Meeting"]):
    def owned_by(self, user: Any) -> "MeetingQuerySet":
        return self.filter(user=user)

    def kept(self) -> "MeetingQuerySet":
        """Without those that are being removed."""
        return self.filter(removing_since=None)


class Meeting(models.Model):
    """A meeting and where its sync stands.

    transitions.py writes the three sync fields, `content_digest` as content.py computes it, and
    `version`, which counts the changes of all these.
    """

    # Without `db_index`, another index starts with the same column.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="meetings", db_index=False
    )
    key = models.UUIDField(
        default=uuid.uuid4, unique=True, editable=False, help_text="Travels to the CRM."
    )
    title = models.CharField(max_length=255)
    starts_at = models.DateTimeField(validators=PLAUSIBLE_TIME)
    ends_at = models.DateTimeField(validators=PLAUSIBLE_TIME)
    location = models.CharField(max_length=255, blank=True)
    notes = models.TextField(max_length=100_000, blank=True)
    status = models.CharField(
        max_length=16,
        choices=MeetingStatus.choices,
        default=MeetingStatus.SCHEDULED,
        db_default=MeetingStatus.SCHEDULED,
    )
    in_progress_sync_status = models.PositiveSmallIntegerField(
        choices=SyncStep.choices, null=True, editable=False
    )
    last_sync_success = models.BooleanField(null=True, editable=False)
    last_sync_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveBigIntegerField(default=0, editable=False)
    content_digest = models.CharField(
        max_length=content.MAX_LENGTH, default="", db_default="", editable=False
    )
    removing_since = models.DateTimeField(
        null=True, editable=False, help_text="Deleted here; a run removes it from the CRM."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[MeetingQuerySet] = MeetingQuerySet.as_manager()  # type: ignore[assignment]

    CONTENT = ("title", "starts_at", "ends_at", "location", "notes", "status", "updated_at")

    class Meta:
        ordering = ["-id"]
        indexes = [
            # Counts and skips the meetings of a person without reading their rows.
            models.Index(
                fields=["user", "-id"],
                name="meetings_kept_of_user",
                condition=Q(removing_since=None),
            ),
            models.Index(fields=["user", "starts_at", "-id"], name="meetings_of_user_by_start"),
            models.Index(
                fields=["-id"], name="meetings_never_synced", condition=Q(last_sync_success=None)
            ),
            models.Index(
                fields=["-id"], name="meetings_failed", condition=Q(last_sync_success=False)
            ),
            models.Index(
                fields=["user", "-id"],
                name="meetings_failed_of_user",
                condition=Q(last_sync_success=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="meeting_ends_after_it_starts",
                violation_error_message=_("The end must be after the start."),
            ),
            models.CheckConstraint(
                condition=Q(in_progress_sync_status__isnull=True)
                | Q(in_progress_sync_status__in=SyncStep.values),
                name="meeting_in_a_known_step",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @cached_property
    def people(self) -> Sequence["Attendee"]:
        """Its attendees, read once."""
        return list(self.attendees.all())

    def save(self, *args: Any, **kwargs: Any) -> None:
        # The sync fields may have changed since; writing them back would undo a step.
        if not self._state.adding:
            kwargs.setdefault("update_fields", self.CONTENT)
        super().save(*args, **kwargs)


class Attendee(models.Model):
    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="attendees", db_index=False)
    email = LowercaseEmailField("e-mail address", db_index=True)
    name = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["meeting", "email"], name="attendee_once_per_meeting")
        ]

    def __str__(self) -> str:
        return self.name or self.email
