from typing import Any

from rest_framework import serializers

from crmsync import standing
from crmsync.errors import CATALOGUE
from crmsync.models import Connection, SyncAttempt, SyncRun
from crmsync.providers import PROVIDERS
from crmsync.state import PHASES, describe_error, error_texts
from meetings.models import Meeting
from meetings.serializers import MeetingSerializer


class SyncedMeetingSerializer(MeetingSerializer):
    sync_state = serializers.SerializerMethodField()

    class Meta(MeetingSerializer.Meta):
        fields = [*MeetingSerializer.Meta.fields, "sync_state"]

    def get_sync_state(self, meeting: Meeting) -> str:
        return standing.state(meeting)


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=list(CATALOGUE))
    category = serializers.CharField()
    title = serializers.CharField()
    message = serializers.CharField()
    remedy = serializers.CharField()
    who = serializers.CharField()
    retryable = serializers.BooleanField()
    help_url = serializers.CharField()
    reference = serializers.CharField()


class ConnectionSummarySerializer(serializers.Serializer[Any]):
    state = serializers.CharField()
    provider = serializers.CharField()
    account = serializers.CharField()


class SyncSerializer(serializers.Serializer[Any]):
    """Where the sync of a meeting stands. `poll_after`: seconds; null: no need to ask again."""

    meeting_id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=list(PHASES))
    phase = serializers.ChoiceField(choices=sorted(set(PHASES.values())))
    reason = serializers.CharField(allow_null=True)
    actions = serializers.ListField(child=serializers.CharField())
    poll_after = serializers.IntegerField(allow_null=True)
    attempt = serializers.IntegerField(allow_null=True)
    max_attempts = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    error = ErrorSerializer(allow_null=True)
    in_progress_sync_status = serializers.IntegerField(allow_null=True)
    last_sync_success = serializers.BooleanField(allow_null=True)
    last_sync_at = serializers.DateTimeField(allow_null=True)
    connection = ConnectionSummarySerializer(allow_null=True)


class AttemptSerializer(serializers.ModelSerializer[SyncAttempt]):
    error = serializers.SerializerMethodField()

    class Meta:
        model = SyncAttempt
        fields = ["step", "number", "started_at", "finished_at", "outcome", "error"]

    def get_error(self, attempt: SyncAttempt) -> dict[str, str] | None:
        if not attempt.error_code:
            return None
        texts = error_texts(attempt.error_code, attempt.run.connection.provider)
        return {"code": attempt.error_code, "title": texts["title"]}


class RunSerializer(serializers.ModelSerializer[SyncRun]):
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
            "error",
            "attempts",
        ]

    def get_error(self, run: SyncRun) -> dict[str, Any] | None:
        says_why = run.status in (SyncRun.Status.FAILED, SyncRun.Status.RETRYING)
        return describe_error(run, run.error_code) if says_why and run.error_code else None


class ConnectionSerializer(serializers.ModelSerializer[Connection]):
    account = serializers.CharField(source="account_name")

    class Meta:
        model = Connection
        fields = ["provider", "account", "state", "connected_at", "last_error"]


class ConnectSerializer(serializers.Serializer[Any]):
    provider = serializers.ChoiceField(choices=list(PROVIDERS))
    credentials = serializers.DictField(child=serializers.CharField(max_length=4096))
