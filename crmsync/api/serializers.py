from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crmsync.connections.tokens import GRANTED
from crmsync.errors import CATALOGUE, Who
from crmsync.models import Connection, RemoteRecord, SyncAttempt, SyncRun
from crmsync.operations import oauth
from crmsync.providers import OAUTH, PROVIDERS
from crmsync.status import latest_runs
from crmsync.status.error_messages import attempt_result, describe_error, error_texts, run_result
from crmsync.status.messages import WORDS
from crmsync.status.state import ACTIONS, PHASES, STEP_KEYS
from meetings.models import Meeting, SyncStep
from meetings.serializers import MeetingSerializer

# A connection that was cut is shown as none.
CONNECTION_STATES = [s for s in Connection.State.values if s != Connection.State.DISCONNECTED]
ERROR_CODES = list(CATALOGUE)
STATES = list(PHASES)
REASONS = [*SyncRun.WaitReason.values, "needs_reauth", "by_support", *CATALOGUE]


class SyncedMeetingSerializer(MeetingSerializer):
    sync_state = serializers.SerializerMethodField()

    class Meta(MeetingSerializer.Meta):
        fields = [*MeetingSerializer.Meta.fields, "sync_state"]

    def get_sync_state(self, meeting: Meeting) -> str:
        return latest_runs.state(meeting)


class ErrorSerializer(serializers.Serializer[Any]):
    """Why a sync does not go on. `who` has to act, as `remedy` says."""

    code = serializers.ChoiceField(choices=ERROR_CODES)
    category = serializers.ChoiceField(choices=sorted({k.category for k in CATALOGUE.values()}))
    title = serializers.CharField()
    message = serializers.CharField()
    remedy = serializers.CharField()
    who = serializers.ChoiceField(choices=[who.value for who in Who])
    retryable = serializers.BooleanField(help_text="Whether we go on by ourselves.")
    help_url = serializers.CharField()
    reference = serializers.CharField(help_text="For a talk with support.")


class NextSerializer(serializers.Serializer[Any]):
    """What comes next, when (null: not known), and who does it."""

    kind = serializers.ChoiceField(choices=sorted({words.kind for words in WORDS.values()}))
    at = serializers.DateTimeField(allow_null=True)
    by = serializers.ChoiceField(choices=["system", *(who.value for who in Who)])
    text = serializers.CharField()


class ProgressSerializer(serializers.Serializer[Any]):
    """`percent` never falls within a sync; between two steps a frontend may fill it in by time."""

    step = serializers.ChoiceField(choices=SyncStep.choices)
    steps = serializers.IntegerField()
    key = serializers.ChoiceField(choices=list(STEP_KEYS.values()))
    label = serializers.CharField()  # type: ignore[assignment]
    percent = serializers.IntegerField(min_value=0, max_value=100)
    step_started_at = serializers.DateTimeField(allow_null=True)
    step_expected_seconds = serializers.FloatField(allow_null=True)
    ends_about = serializers.DateTimeField(allow_null=True)


class WrittenSerializer(serializers.Serializer[Any]):
    """A record in the CRM."""

    kind = serializers.ChoiceField(choices=RemoteRecord.Kind.values)
    name = serializers.CharField()
    action = serializers.ChoiceField(choices=RemoteRecord.Action.values)
    url = serializers.CharField(help_text="Empty where the CRM has no page for it.")


class ConnectionSummarySerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=CONNECTION_STATES)
    provider = serializers.CharField()
    account = serializers.CharField()


class SyncSerializer(serializers.Serializer[Any]):
    """Where the sync of a meeting stands. `poll_after`: seconds; null: no need to ask again."""

    meeting_id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=STATES)
    phase = serializers.ChoiceField(choices=sorted(set(PHASES.values())))
    reason = serializers.ChoiceField(choices=REASONS, allow_null=True)
    headline = serializers.CharField()
    detail = serializers.CharField()
    next = NextSerializer()
    actions = serializers.ListField(
        child=serializers.ChoiceField(
            choices=sorted({a for some in ACTIONS.values() for a in some})
        )
    )
    poll_after = serializers.IntegerField(allow_null=True)
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


class AttemptErrorSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=ERROR_CODES)
    title = serializers.CharField()


class AttemptSerializer(serializers.ModelSerializer[SyncAttempt]):
    label = serializers.CharField(source="get_step_display")  # type: ignore[assignment]
    outcome = serializers.ChoiceField(choices=SyncAttempt.Outcome.values, allow_blank=True)
    result = serializers.SerializerMethodField(help_text="In words.")
    error = serializers.SerializerMethodField()

    class Meta:
        model = SyncAttempt
        fields = [
            "step",
            "label",
            "number",
            "started_at",
            "finished_at",
            "outcome",
            "result",
            "error",
        ]

    def get_result(self, attempt: SyncAttempt) -> str:
        return attempt_result(attempt)

    @extend_schema_field(AttemptErrorSerializer(allow_null=True))
    def get_error(self, attempt: SyncAttempt) -> dict[str, str] | None:
        if not attempt.error_code:
            return None
        texts = error_texts(attempt.error_code, attempt.run.crm)
        return {"code": attempt.error_code, "title": texts["title"]}


class RunSerializer(serializers.ModelSerializer[SyncRun]):
    """One sync of the meeting, with all its tries."""

    result = serializers.SerializerMethodField(help_text="In words.")
    error = serializers.SerializerMethodField()
    attempts = AttemptSerializer(many=True)

    class Meta:
        model = SyncRun
        fields = [
            "id",
            "reference",
            "status",
            "step",
            "created_at",
            "started_at",
            "finished_at",
            "result",
            "error",
            "attempts",
        ]

    def get_result(self, run: SyncRun) -> str:
        return run_result(run)

    @extend_schema_field(ErrorSerializer(allow_null=True))
    def get_error(self, run: SyncRun) -> dict[str, Any] | None:
        says_why = run.status in (SyncRun.Status.FAILED, SyncRun.Status.RETRYING)
        return describe_error(run, run.error_code) if says_why and run.error_code else None


class ConnectionSerializer(serializers.ModelSerializer[Connection]):
    account = serializers.CharField(source="account_name")
    state = serializers.ChoiceField(choices=CONNECTION_STATES)
    last_error = serializers.ChoiceField(choices=ERROR_CODES, allow_blank=True)

    class Meta:
        model = Connection
        fields = ["provider", "account", "state", "connected_at", "last_error"]


class ConnectSerializer(serializers.Serializer[Any]):
    provider = serializers.ChoiceField(choices=list(PROVIDERS))
    credentials = serializers.DictField(child=serializers.CharField(max_length=4096))

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        given = data["credentials"]
        missing = [name for name in PROVIDERS[data["provider"]].needs if name not in given]
        if missing:
            text = _("Missing: {names}.").format(names=", ".join(missing))
            raise serializers.ValidationError({"credentials": [text]})
        kept = {name: value for name, value in given.items() if name not in GRANTED}
        return {**data, "credentials": kept}


class AuthorizeSerializer(serializers.Serializer[Any]):
    provider = serializers.ChoiceField(choices=list(OAUTH))

    def validate_provider(self, provider: str) -> str:
        if not oauth.is_available(provider):
            raise serializers.ValidationError(_("This service is not set up for that sign-in."))
        return provider


class AuthorizeUrlSerializer(serializers.Serializer[Any]):
    authorize_url = serializers.CharField()


class CallbackSerializer(serializers.Serializer[Any]):
    """What a CRM adds to our address; without `code` the person has declined."""

    code = serializers.CharField(max_length=4096)
    state = serializers.CharField(max_length=1024)
