from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from accounts import usage
from meetings import cache, converters  # noqa: F401 - importing converters registers them
from meetings.filters import BoundedSearchFilter
from meetings.models import Meeting
from meetings.serializers import (
    LastSyncSuccessSerializer,
    MeetingSerializer,
    SyncStatusSerializer,
)

SHOWING_MEETINGS = {"list", "retrieve", "partial_update"}


class MeetingViewSet(ModelViewSet[Meeting]):
    """A person's own meetings; somebody else's do not exist for them."""

    queryset = Meeting.objects.all()
    serializer_class = MeetingSerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_converter = "key"  # Of meetings.converters.
    filter_backends = [BoundedSearchFilter]
    search_fields = ["title", "attendees__email", "attendees__name"]

    def get_queryset(self) -> QuerySet[Meeting]:
        meetings = Meeting.objects.owned_by(self.request.user.pk)
        if self.action not in SHOWING_MEETINGS:
            return meetings
        return meetings.prefetch_related("attendees")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    def perform_create(self, serializer: BaseSerializer[Meeting]) -> None:
        serializer.save(user=self.request.user)

    @extend_schema(responses=SyncStatusSerializer)
    @action(detail=True)
    def sync_status(self, request: Request, pk: int) -> Response:
        """The step in progress: 1 contacts, 2 meeting, 3 notes; null while none is."""
        return Response({"in_progress_sync_status": self._look_up(pk)["in_progress_sync_status"]})

    @extend_schema(responses=LastSyncSuccessSerializer)
    @action(detail=True)
    def last_sync_success(self, request: Request, pk: int) -> Response:
        """Whether the last try succeeded; null before the first."""
        return Response({"last_sync_success": self._look_up(pk)["last_sync_success"]})

    def _look_up(self, pk: int) -> Any:
        snapshot = cache.look_up(pk)
        if snapshot is None or snapshot["user_id"] != self.request.user.pk:
            raise NotFound
        usage.count("poll", self.action, "200")
        return snapshot
