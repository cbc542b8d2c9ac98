import json
from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound
from rest_framework.serializers import BaseSerializer
from rest_framework.throttling import BaseThrottle
from rest_framework.viewsets import ModelViewSet

from accounts.authentication import PollAuthentication, PollRequest
from accounts.cache import counters
from meetings import cache
from meetings.filters import MeetingSearchFilter
from meetings.models import Meeting
from meetings.serializers import (
    LastSyncSuccessSerializer,
    MeetingSerializer,
    SyncStatusSerializer,
)

MAX_MEETINGS = 20_000  # Of one person.
POLLS = {"sync_status", "last_sync_success"}
SHOWING_MEETINGS = {"list", "retrieve", "partial_update"}

UNCHANGED = OpenApiResponse(description="Nothing has changed.")
POLLING_HEADERS = [
    OpenApiParameter("If-None-Match", location="header", description="An ETag."),
    OpenApiParameter("ETag", location="header", response=[200]),
    OpenApiParameter(
        "Retry-After", int, "header", response=[200], description="When to ask again, in seconds."
    ),
]


class TooManyMeetings(APIException):
    status_code = 409
    default_detail = _("You have as many meetings as this service keeps. Delete some first.")
    default_code = "too_many_meetings"


class MeetingViewSet(ModelViewSet[Meeting]):
    """The caller's meetings; other people's do not exist for them."""

    queryset = Meeting.objects.all()
    serializer_class = MeetingSerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_converter = "big_id"  # Registered in crmsync/urls.py.
    filter_backends = [MeetingSearchFilter]
    free_of_limits = POLLS

    def get_throttles(self) -> list[BaseThrottle]:
        return [] if self.action in self.free_of_limits else super().get_throttles()

    def get_queryset(self) -> QuerySet[Meeting]:
        meetings = Meeting.objects.owned_by(self.request.user.pk)
        if self.action not in SHOWING_MEETINGS:
            return meetings
        return meetings.kept().prefetch_related("attendees")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    def perform_create(self, serializer: BaseSerializer[Meeting]) -> None:
        own: QuerySet[Meeting] = Meeting.objects.owned_by(self.request.user.pk)
        if own[:MAX_MEETINGS].count() == MAX_MEETINGS:
            raise TooManyMeetings
        serializer.save(user=self.request.user)

    def get_authenticators(self) -> list[BaseAuthentication]:
        keys = self._keys_of_poll()
        return super().get_authenticators() if keys is None else [PollAuthentication(keys)]

    def _keys_of_poll(self) -> Callable[[int], Sequence[str]] | None:
        """The Redis keys that the poll needs; None if it is no poll."""
        # Called before DRF sets self.action, and by the schema without a meeting.
        if "pk" not in self.kwargs or self.action_map.get("get") not in POLLS:
            return None
        return lambda user_id: [cache.key(self.kwargs["pk"])]

    @extend_schema(
        parameters=POLLING_HEADERS, responses={200: SyncStatusSerializer, 304: UNCHANGED}
    )
    @action(detail=True)
    def sync_status(self, request: PollRequest, pk: int) -> HttpResponse:
        """The step in progress: 1 contacts, 2 meeting, 3 notes; null while none is."""
        return self._poll(request, pk, "in_progress_sync_status")

    @extend_schema(
        parameters=POLLING_HEADERS, responses={200: LastSyncSuccessSerializer, 304: UNCHANGED}
    )
    @action(detail=True)
    def last_sync_success(self, request: PollRequest, pk: int) -> HttpResponse:
        """Whether the last try succeeded; null before the first."""
        return self._poll(request, pk, "last_sync_success")

    def _poll(self, request: PollRequest, pk: int, field: str) -> HttpResponse:
        snapshot: Any = cache.get(pk, *request.cached_entries)
        if snapshot is None or snapshot["user_id"] != request.user.pk:
            raise NotFound
        body = json.dumps({field: snapshot[field]}, separators=(",", ":"))
        etag = f'"{json.dumps(snapshot[field])}"'
        is_under_way = snapshot["in_progress_sync_status"] is not None
        headers = {
            "ETag": etag,
            "Cache-Control": "no-cache, private",
            "Retry-After": "2" if is_under_way else "5",
        }
        is_known = etag == request.META.get("HTTP_IF_NONE_MATCH")
        counters.count("poll", self.action, "304" if is_known else "200")
        if is_known:
            return HttpResponse(status=304, headers=headers)
        # HttpResponse: DRF's Response adds only overhead.
        return HttpResponse(body, headers=headers, content_type="application/json")
