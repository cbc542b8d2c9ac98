from typing import Any

from django.db import models, transaction
from django.utils.http import parse_etags
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import APIException, ErrorDetail, NotFound

from accounts.serializers import LowercaseEmailField
from accounts.strict import KnownFieldsOnly
from meetings import content
from meetings.fields import MomentField
from meetings.models import Attendee, Meeting

MAX_ATTENDEES = 250


class Outdated(APIException):
    status_code = 412
    default_detail = _("The meeting was changed meanwhile. Read it again, then repeat the change.")
    default_code = "outdated"


class AttendeeSerializer(KnownFieldsOnly, serializers.ModelSerializer[Attendee]):
    email = LowercaseEmailField()

    class Meta:
        model = Attendee
        fields = ["email", "name"]

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        if "email" not in attrs:  # A PATCH of the meeting makes no field of an attendee optional.
            raise serializers.ValidationError({"email": [_("This field is required.")]})
        return attrs


class MeetingSerializer(KnownFieldsOnly, serializers.ModelSerializer[Meeting]):
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: MomentField,
    }
    attendees = AttendeeSerializer(many=True, required=False, max_length=MAX_ATTENDEES)  # type: ignore[call-arg]

    class Meta:
        model = Meeting
        fields = [
            "id",
            "title",
            "starts_at",
            "ends_at",
            "location",
            "notes",
            "status",
            "attendees",
            "in_progress_sync_status",
            "last_sync_success",
            "last_sync_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["in_progress_sync_status", "last_sync_success", "last_sync_at"]

    def validate_attendees(self, attendees: list[dict[str, str]]) -> list[dict[str, str]]:
        emails = [attendee["email"] for attendee in attendees]
        text = str(_("{email} is in the list twice."))
        problems: dict[Any, Any] = {
            number: {"email": [ErrorDetail(text.format(email=email), "duplicate")]}
            for number, email in enumerate(emails)
            if email in emails[:number]
        }
        if problems:
            raise serializers.ValidationError(problems)
        return attendees

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        starts_at = attrs.get("starts_at", getattr(self.instance, "starts_at", None))
        ends_at = attrs.get("ends_at", getattr(self.instance, "ends_at", None))
        if starts_at and ends_at and ends_at <= starts_at:
            raise serializers.ValidationError({"ends_at": [_("The end must be after the start.")]})
        return attrs

    @transaction.atomic
    def create(self, validated_data: dict[str, Any]) -> Meeting:
        people = [Attendee(**attendee) for attendee in validated_data.pop("attendees", [])]
        meeting = Meeting(**validated_data)
        meeting.content_digest = content.digest(meeting, people)
        meeting.save()
        _add_attendees(meeting, people)
        return meeting

    @transaction.atomic
    def update(self, instance: Meeting, validated_data: dict[str, Any]) -> Meeting:
        # Two edits take turns: the second one changes what the first one left.
        try:
            instance.refresh_from_db(from_queryset=Meeting.objects.select_for_update(no_key=True))
        except Meeting.DoesNotExist as error:
            raise NotFound from error
        self.validate(validated_data)
        check_match(instance, self.context.get("if_match", ""))
        attendees = validated_data.pop("attendees", None)
        edited = any(getattr(instance, name) != value for name, value in validated_data.items())
        # An edit that changes nothing must not make a synced meeting look out of date.
        if _replace_attendees(instance, attendees) or edited:
            return super().update(instance, validated_data)
        return instance


class SyncStatusSerializer(serializers.ModelSerializer[Meeting]):
    class Meta:
        model = Meeting
        fields = ["in_progress_sync_status"]


class LastSyncSuccessSerializer(serializers.ModelSerializer[Meeting]):
    class Meta:
        model = Meeting
        fields = ["last_sync_success"]


def etag_of(meeting: Meeting) -> str:
    """Of what a person can edit; how the sync stands is none of it."""
    return f'"{content.digest(meeting, meeting.attendees.all())}"'


def check_match(meeting: Meeting, if_match: str) -> None:
    """Needs the meeting's row locked."""
    # A proxy that compresses an answer makes its ETag a weak one.
    expected = {tag.removeprefix("W/") for tag in parse_etags(if_match)}
    if if_match.strip() and not expected:
        text = _("Send the ETag with its quotes, or *.")
        raise serializers.ValidationError({"If-Match": [text]})
    if expected and not {"*", etag_of(meeting)} & expected:
        raise Outdated


def _replace_attendees(meeting: Meeting, attendees: list[dict[str, str]] | None) -> bool:
    """Returns whether anything changed. None leaves the attendees as they are."""
    if attendees is None:
        return False
    wanted = [{"name": "", **attendee} for attendee in attendees]
    if wanted == list(meeting.attendees.values("email", "name")):
        return False
    meeting.attendees.all().delete()
    _add_attendees(meeting, [Attendee(**attendee) for attendee in wanted])
    return True


def _add_attendees(meeting: Meeting, attendees: list[Attendee]) -> None:
    for attendee in attendees:
        attendee.meeting = meeting
    Attendee.objects.bulk_create(attendees)
