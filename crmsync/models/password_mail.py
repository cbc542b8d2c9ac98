"""Mails with which people choose a new password."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.fields import LowercaseEmailField
from crmsync.models.delivery import DeliveryQuerySet


class PasswordMail(models.Model):
    """The latest request of an address. Whether anybody has it is found out when the mail is sent.

    Written in operations/passwords.py only.
    """

    email = LowercaseEmailField(unique=True)
    language = models.CharField(max_length=8, help_text="Of the request.")
    created_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, help_text="When the last hint went to a worker.")
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True, help_text="Also if nobody has the address.")
    last_error = models.TextField(blank=True)

    objects = DeliveryQuerySet["PasswordMail"].as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                name="due_password_mails",
                condition=Q(delivered_at=None, given_up_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"Password mail {self.pk}"
