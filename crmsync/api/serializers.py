from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import (
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers

from accounts.strict import KnownFieldsOnly
from crmsync.models import SyncAttempt, SyncRun
from crmsync.status import latest_runs
from crmsync.status.error_messages import attempt_result, describe_error, error_texts, run_result
from crmsync.status.serializers import (
    ERROR_CODES,
    STATES,
    ErrorSerializer,
    SyncSerializer,
)
from meetings.models import Meeting
from meetings.serializers import MeetingSerializer


class SyncedMeetingSerializer(MeetingSerializer):
    ignored = frozenset({"sync"})  # Of a row of a list.
    sync_state = serializers.SerializerMethodField()

    class Meta(MeetingSerializer.Meta):
        fields = [*MeetingSerializer.Meta.fields, "sync_state"]

    @extend_schema_field(serializers.ChoiceField(choices=STATES))
    def get_sync_state(self, meeting: Meeting) -> str:
        return latest_runs.state_of_meeting(meeting)


class MeetingRowSerializer(SyncedMeetingSerializer):
    """A meeting in a list: without `notes`, which may be long; `sync` with `expand=sync`."""

    sync = SyncSerializer(required=False)

    class Meta(SyncedMeetingSerializer.Meta):
        fields = [
            *(name for name in SyncedMeetingSerializer.Meta.fields if name != "notes"),
            "sync",
        ]


@extend_schema_serializer(many=False)
class MeetingPageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="Of all pages.")
    next = serializers.CharField(allow_null=True, help_text="The address of the next page.")
    previous = serializers.CharField(allow_null=True)
    results = MeetingRowSerializer(many=True)
    counts = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="By state, with `counts=1`."
    )


class ListSerializer(serializers.Serializer[Any]):
    expand = serializers.ChoiceField(
        choices=["sync"], required=False, help_text="Adds the document of its sync to each row."
    )
    counts = serializers.ChoiceField(
        choices=["1"],
        required=False,
        help_text="Counts the meetings that `search` finds, by state.",
    )


class DeletionSerializer(serializers.Serializer[Any]):
    in_crm = serializers.ChoiceField(
        choices=["delete"], required=False, help_text="Removes it from the CRM first."
    )


class SyncsSerializer(serializers.Serializer[Any]):
    """`syncs` are the documents that differ, `gone` the meetings that are no more."""

    syncs = SyncSerializer(many=True)
    gone = serializers.ListField(child=serializers.IntegerField())
    poll_after = serializers.IntegerField(help_text="In seconds.")


class BulkSyncSerializer(KnownFieldsOnly, serializers.Serializer[Any]):
    meetings = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10**18),
        allow_empty=False,
        max_length=100,
    )


class NotStartedSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()
    code = serializers.ChoiceField(choices=["not_found", "not_connected", "not_before"])


class StartedOneSerializer(serializers.Serializer[Any]):
    """202 comes with `sync`, 404 and 409 with `error`."""

    meeting_id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=[202, 404, 409])
    sync = SyncSerializer(required=False)
    error = NotStartedSerializer(required=False)


class StartedSerializer(serializers.Serializer[Any]):
    results = StartedOneSerializer(many=True)


class AttemptErrorSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=ERROR_CODES)
    title = serializers.CharField()


class AttemptSerializer(serializers.ModelSerializer[SyncAttempt]):
    label = serializers.SerializerMethodField()  # type: ignore[assignment]
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

    def get_label(self, attempt: SyncAttempt) -> str:
        label = _("Removing the meeting") if attempt.run.removes else attempt.get_step_display()
        return str(label)

    def get_result(self, attempt: SyncAttempt) -> str:
        return attempt_result(attempt)

    @extend_schema_field(AttemptErrorSerializer(allow_null=True))
    def get_error(self, attempt: SyncAttempt) -> dict[str, str] | None:
        if not attempt.error_code:
            return None
        texts = error_texts(attempt.error_code, attempt.run.crm)
        return {"code": attempt.error_code, "title": texts["title"]}


class RunSerializer(serializers.ModelSerializer[SyncRun]):
    """One sync of the meeting, with all its attempts."""

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
