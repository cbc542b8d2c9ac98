"""Connections to CRM accounts, and sign-ins that are under way."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from crmsync.fields import EncryptedJSONField, Sealed
from crmsync.models.crm_host import CrmHost


def nothing_sealed() -> Sealed:
    return Sealed("")


class Connection(models.Model):
    """A person's authorised link to one CRM account. Written in connections/store.py only.

    Disconnecting keeps the row, and with it the record of what was written.
    """

    class State(models.TextChoices):
        CONNECTED = "connected", "connected"
        NEEDS_REAUTH = "needs_reauth", "has to reconnect"
        PAUSED = "paused", "paused by support"
        DISCONNECTED = "disconnected", "disconnected"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="connection")
    provider = models.CharField(max_length=32)
    host = models.ForeignKey(
        CrmHost, models.SET_NULL, null=True, editable=False, related_name="connections"
    )
    account_id = models.CharField(max_length=255)
    account_name = models.CharField(max_length=255)
    credentials = EncryptedJSONField(default=nothing_sealed, editable=False)
    refreshing_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then one process fetches a new token."
    )
    capabilities = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        editable=False,
        help_text="What the account was found to be able to do when it was connected.",
    )
    degraded = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        editable=False,
        help_text="Codes of what the account does not let us do.",
    )
    options = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        editable=False,
        help_text="What its owner chose.",
    )
    renew_at = models.DateTimeField(
        null=True, editable=False, help_text="Refresh tokens that nobody uses end."
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.CONNECTED)
    not_before = models.DateTimeField(
        null=True, blank=True, help_text="Until then the CRM wants no calls."
    )
    contact_lock_until = models.DateTimeField(
        null=True, editable=False, help_text="The CRM may still be making contacts until then."
    )
    unconfirmed_since = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When a password reset took the owner's word for it away.",
    )
    last_error = models.CharField(max_length=64, blank=True)
    connected_at = models.DateTimeField(default=timezone.now)
    account_since = models.DateTimeField(null=True, editable=False)
    account_number = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Counts the accounts it has led to."
    )
    version = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        permissions = [
            ("pause_connection", "Can pause and resume connections"),
            ("check_connection", "Can check connections"),
        ]
        indexes = [
            models.Index(fields=["state", "provider"], name="connections_by_state"),
            models.Index(
                fields=["renew_at"],
                name="renewals_of_connections",
                condition=models.Q(renew_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_name} ({self.provider})"


class OAuthState(models.Model):
    """A sign-in at a CRM that is under way. Written in operations/oauth.py only."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    token_key = models.CharField(
        max_length=32, db_default="", help_text="The user's; a new password ends the sign-in."
    )
    provider = models.CharField(max_length=32)
    nonce = models.CharField(max_length=64, unique=True)
    return_to = models.CharField(
        max_length=2000, blank=True, db_default="", help_text="The page of the frontend."
    )
    secrets = EncryptedJSONField(
        default=nothing_sealed, db_default=models.Value(""), editable=False
    )
    begun_at = models.DateTimeField(default=timezone.now, db_index=True)
    parked_at = models.DateTimeField(null=True, help_text="When the CRM sent the person back.")
    connection_code = models.CharField(max_length=64, unique=True, null=True)  # noqa: DJ001

    def __str__(self) -> str:
        return f"{self.provider} since {self.begun_at:%H:%M}"
