"""Everything of a person, as one JSON document."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone, translation
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from accounts.models import User
from crmsync.api.connection_serializers import ConnectionSerializer
from crmsync.api.serializers import RunSerializer
from crmsync.models import Connection, Notice, RemoteRecord, SyncRun
from meetings.models import Meeting
from meetings.serializers import MeetingSerializer

BATCH = 20  # Rows in memory at a time; the notes of one may have 100 kB.


class ExportedPersonSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "email", "time_zone", "language", "mail_about_syncs", "date_joined"]


class ExportedConnectionSerializer(ConnectionSerializer):
    """The last one, also if it was cut."""

    state = serializers.ChoiceField(choices=Connection.State.values)

    class Meta(ConnectionSerializer.Meta):
        fields = [*ConnectionSerializer.Meta.fields, "account_id"]


class ExportedRecordSerializer(serializers.ModelSerializer[RemoteRecord]):
    """What a CRM has because of a meeting."""

    meeting_id = serializers.IntegerField(allow_null=True)
    key = serializers.CharField(source="local_key")

    class Meta:
        model = RemoteRecord
        fields = ["meeting_id", "kind", "key", "remote_id", "url", "action", "written_at"]


class ExportedMailSerializer(serializers.ModelSerializer[Notice]):
    class Meta:
        model = Notice
        fields = ["cause", "created_at", "delivered_at"]


class ExportedMeetingSerializer(MeetingSerializer):
    runs = RunSerializer(many=True, source="sync_runs")

    class Meta(MeetingSerializer.Meta):
        fields = [*MeetingSerializer.Meta.fields, "runs"]


class ExportSerializer(serializers.Serializer[Any]):
    exported_at = serializers.DateTimeField()
    person = ExportedPersonSerializer()
    connection = ExportedConnectionSerializer(allow_null=True)
    mails = ExportedMailSerializer(many=True)
    meetings = ExportedMeetingSerializer(many=True)
    records = ExportedRecordSerializer(many=True)


def write(user_id: int, language: str) -> Iterator[bytes]:
    """In parts of a row, each made when it is asked for, perhaps in another thread."""
    yield _head(user_id, language)
    runs = SyncRun.objects.select_related("connection__host").prefetch_related("attempts")
    meetings = Meeting.objects.owned_by(user_id).order_by()
    meetings = meetings.prefetch_related("attendees", Prefetch("sync_runs", runs))
    yield from _items("meetings", meetings, ExportedMeetingSerializer, language)
    records = RemoteRecord.objects.filter(connection__user=user_id)
    yield from _items("records", records, ExportedRecordSerializer, language)
    yield b"}"


def _head(user_id: int, language: str) -> bytes:
    user = User.objects.select_related("connection").get(pk=user_id)
    connection = getattr(user, "connection", None)
    mails = Notice.objects.filter(user=user).order_by("pk")
    with translation.override(language):
        head = {
            "exported_at": timezone.now(),
            "person": ExportedPersonSerializer(user).data,
            "connection": ExportedConnectionSerializer(connection).data if connection else None,
            "mails": ExportedMailSerializer(mails, many=True).data,
        }
        return _json(head).removesuffix(b"}")


def _items(
    name: str,
    rows: QuerySet[Any],
    serializer: type[serializers.BaseSerializer[Any]],
    language: str,
) -> Iterator[bytes]:
    yield f',"{name}":['.encode()
    last, separator = 0, b""
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH]):
        for row in batch:
            with translation.override(language):
                told = _json(serializer(row).data)
            yield separator + told
            last, separator = row.pk, b","
    yield b"]"


def _json(data: Any) -> bytes:
    return JSONRenderer().render(data)
