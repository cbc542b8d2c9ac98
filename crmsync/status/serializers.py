from typing import Any

from rest_framework import serializers

from crmsync.errors import CATALOGUE, Actor
from crmsync.models import Connection, RemoteRecord, SyncRun
from crmsync.providers import PROVIDERS
from crmsync.status.actions import LABELS, REQUESTS
from crmsync.status.messages import MESSAGES
from crmsync.status.progress import STEP_KEYS
from crmsync.status.state import CRM_OUTAGE, NO_WORKER, PHASES
from meetings.models import SyncStep

# A disconnected connection is shown as none.
CONNECTION_STATES = [s for s in Connection.State.values if s != Connection.State.DISCONNECTED]


ERROR_CODES = list(CATALOGUE)
PROVIDER_NAMES = list(PROVIDERS)
ACTION_NAMES = list(LABELS)


STATES = list(PHASES)


REASONS = [
    *SyncRun.WaitReason.values,
    NO_WORKER,
    CRM_OUTAGE,
    "needs_reauth",
    "by_support",
    *CATALOGUE,
]


class ErrorSerializer(serializers.Serializer[Any]):
    """Why a sync does not continue. `remedy` says what `who` has to do."""

    code = serializers.ChoiceField(choices=ERROR_CODES)
    category = serializers.ChoiceField(choices=sorted({k.category for k in CATALOGUE.values()}))
    title = serializers.CharField()
    message = serializers.CharField()
    remedy = serializers.CharField()
    who = serializers.ChoiceField(choices=[who.value for who in Actor])
    field = serializers.CharField(
        allow_null=True, help_text="A path such as `attendees[1].email`, if it is known."
    )
    retryable = serializers.BooleanField(help_text="Whether we try again automatically.")
    help_url = serializers.CharField()
    reference = serializers.CharField(help_text="Quote it to support.")


class NextSerializer(serializers.Serializer[Any]):
    """What comes next, when (null: unknown), and who does it."""

    kind = serializers.ChoiceField(choices=sorted({words.kind for words in MESSAGES.values()}))
    at = serializers.DateTimeField(allow_null=True)
    by = serializers.ChoiceField(choices=["system", *(who.value for who in Actor)])
    text = serializers.CharField()


class PartSerializer(serializers.Serializer[Any]):
    """One step as a part of a bar, from one percent to another."""

    key = serializers.ChoiceField(choices=list(STEP_KEYS.values()))
    label = serializers.CharField()  # type: ignore[assignment]
    # A field named `from` has to be declared otherwise.
    locals()["from"] = serializers.IntegerField(min_value=0, max_value=100)
    to = serializers.IntegerField(min_value=0, max_value=100)
    expected_seconds = serializers.FloatField()
    state = serializers.ChoiceField(choices=["done", "active", "waiting"])


class ActionSerializer(serializers.Serializer[Any]):
    """Something that the person can do now, as a button and the request that it makes."""

    name = serializers.ChoiceField(choices=ACTION_NAMES)
    label = serializers.CharField()  # type: ignore[assignment]
    method = serializers.ChoiceField(choices=sorted({method for method, _ in REQUESTS.values()}))
    href = serializers.CharField(help_text="Relative to the API, but for help pages.")


class ProgressSerializer(serializers.Serializer[Any]):
    """`percent` never falls during a sync; a frontend may interpolate within a step by time."""

    step = serializers.ChoiceField(choices=SyncStep.choices)
    steps = serializers.IntegerField()
    key = serializers.ChoiceField(choices=list(STEP_KEYS.values()))
    label = serializers.CharField()  # type: ignore[assignment]
    percent = serializers.IntegerField(min_value=0, max_value=100)
    parts = PartSerializer(many=True)
    step_started_at = serializers.DateTimeField(allow_null=True)
    step_expected_seconds = serializers.FloatField(allow_null=True)
    ends_about = serializers.DateTimeField(allow_null=True)


class WrittenSerializer(serializers.Serializer[Any]):
    """A record in the CRM."""

    kind = serializers.ChoiceField(choices=RemoteRecord.Kind.values)
    name = serializers.CharField()
    action = serializers.ChoiceField(choices=RemoteRecord.Action.values)
    reason = serializers.CharField(allow_null=True, help_text="Why it was skipped.")
    url = serializers.CharField(help_text="Empty where the CRM has no page for it.")


class ConnectionSummarySerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=CONNECTION_STATES)
    provider = serializers.ChoiceField(choices=PROVIDER_NAMES)
    account = serializers.CharField()


class SyncSerializer(serializers.Serializer[Any]):
    """Where the sync of a meeting stands. `poll_after` is in seconds."""

    meeting_id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=STATES)
    phase = serializers.ChoiceField(choices=sorted(set(PHASES.values())))
    reason = serializers.ChoiceField(choices=REASONS, allow_null=True)
    position = serializers.IntegerField(
        allow_null=True, help_text="In line behind the person's other syncs; 1 is next."
    )
    headline = serializers.CharField()
    detail = serializers.CharField()
    next = NextSerializer()
    actions = ActionSerializer(many=True)
    poll_after = serializers.IntegerField()
    revision = serializers.CharField(help_text="Changes exactly when the ETag does.")
    progress = ProgressSerializer(allow_null=True)
    attempt = serializers.IntegerField(allow_null=True)
    max_attempts = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    error = ErrorSerializer(allow_null=True)
    in_progress_sync_status = serializers.ChoiceField(choices=SyncStep.choices, allow_null=True)
    last_sync_success = serializers.BooleanField(allow_null=True)
    last_sync_at = serializers.DateTimeField(allow_null=True)
    connection = ConnectionSummarySerializer(allow_null=True)
    records = WrittenSerializer(many=True)
