import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import AuthenticatedRequest, PollRequest
from accounts.cache import counters
from crmsync.api import listing
from crmsync.api.etags import is_known
from crmsync.api.exceptions import NotBefore, NotConnected, NothingToCancel
from crmsync.api.filters import OrderingFilter, SyncStateFilter
from crmsync.api.pagination import DeferringPagination
from crmsync.api.parameters import IF_MATCH, IF_NONE_MATCH, POLLING_HEADERS, TIME_ZONE
from crmsync.api.readers import reader_of
from crmsync.api.serializers import (
    DeletionSerializer,
    ListSerializer,
    MeetingPageSerializer,
    MeetingRowSerializer,
    RunSerializer,
    SyncedMeetingSerializer,
)
from crmsync.models import SyncRun
from crmsync.operations import syncs
from crmsync.status import delivery
from crmsync.status.delivery import Document
from crmsync.status.latest_runs import prefetch_latest_run
from crmsync.status.reader import Reader
from crmsync.status.serializers import SyncSerializer
from meetings.filters import MeetingSearchFilter
from meetings.models import Meeting
from meetings.serializers import check_match, etag_of
from meetings.views import POLLS, SHOWING_MEETINGS, MeetingViewSet


class SyncedMeetingViewSet(MeetingViewSet):
    """The caller's meetings."""

    filter_backends = [MeetingSearchFilter, SyncStateFilter, OrderingFilter]
    pagination_class = DeferringPagination
    free_of_limits = POLLS | {"sync"}
    known_parameters = {
        "list": {"page", "page_size", "search", "state", "ordering", "expand", "counts", "tz"},
        "runs": {"page", "page_size"},
        "destroy": {"in_crm", "tz"},
        "sync": {"tz"},
        "start_sync": {"tz"},
        "cancel_sync": {"tz"},
    }

    def get_queryset(self) -> QuerySet[Meeting]:
        meetings = super().get_queryset()
        if self.action not in SHOWING_MEETINGS:
            return meetings
        shown = prefetch_latest_run(meetings)
        return shown.defer("notes") if self.action == "list" else shown

    @extend_schema(
        parameters=[ListSerializer, TIME_ZONE, IF_NONE_MATCH],
        responses={
            200: MeetingPageSerializer,
            304: OpenApiResponse(description="Nothing has changed."),
        },
    )
    def list(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """The caller's meetings without their notes, 50 a page.

        With `expand=sync`, each row has the whole document of its sync. With `counts=1`, the
        answer counts the meetings by state. The ETag is that of the page.
        """
        asked = ListSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        response = super().list(request, *args, **kwargs)
        return listing.finish(request, response, asked.validated_data, self)

    def get_serializer_class(self) -> type[SyncedMeetingSerializer]:
        return MeetingRowSerializer if self.action == "list" else SyncedMeetingSerializer

    def _keys_of_poll(self) -> Callable[[int], Sequence[str]] | None:
        if "pk" not in self.kwargs or self.action_map.get("get") != "sync":
            return super()._keys_of_poll()
        pk = self.kwargs["pk"]
        return partial(delivery.keys, pk) if self.request.method in ("GET", "HEAD") else None

    def get_serializer_context(self) -> dict[str, Any]:
        return {
            **super().get_serializer_context(),
            "if_match": self.request.headers.get("If-Match", ""),
        }

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.action in {"retrieve", "partial_update"} and response.status_code == 200:
            response["ETag"] = etag_of(self.shown)
        return response

    def get_object(self) -> Meeting:
        self.shown = super().get_object()
        return self.shown

    @extend_schema(
        responses={
            201: SyncedMeetingSerializer,
            409: OpenApiResponse(description="`too_many_meetings`: a person has at most 20,000."),
        }
    )
    def create(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Adds a meeting. It is not saved in the CRM before a sync of it is started."""
        return super().create(request, *args, **kwargs)

    @extend_schema(responses={200: SyncedMeetingSerializer})
    def retrieve(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """One meeting with its notes. Its ETag is for `If-Match`: it names what was entered."""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(
        parameters=[IF_MATCH],
        responses={
            200: SyncedMeetingSerializer,
            412: OpenApiResponse(description="`outdated`: If-Match names another version."),
        },
    )
    def partial_update(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Changes what is named. `attendees` are replaced as a whole.

        What the CRM has by now is then out of date, until the next sync.
        """
        return super().partial_update(request, *args, **kwargs)

    @extend_schema(
        parameters=[DeletionSerializer, TIME_ZONE, IF_MATCH],
        responses={
            202: SyncSerializer,
            204: None,
            409: OpenApiResponse(description="`not_connected`: the CRM cannot be reached."),
            412: OpenApiResponse(description="`outdated`: If-Match names another version."),
        },
    )
    def destroy(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Deletes the meeting here; the CRM keeps what is there.

        With `?in_crm=delete`, what this service made there is removed first, but not the people.
        The meeting leaves the lists at once; `GET /meetings/{id}/sync` tells how the removal
        stands, and answers 404 once it is done.
        """
        reader = reader_of(request)
        asked = DeletionSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        meeting = self.get_object()
        check_match(meeting, request.headers.get("If-Match", ""))
        if "in_crm" in asked.validated_data:
            return self._remove(meeting, reader)
        syncs.delete_meeting(meeting)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _remove(self, meeting: Meeting, reader: Reader) -> Response:
        try:
            if syncs.request_removal(meeting, by=self.request.user):
                return _accepted(reader, meeting.pk)
        except syncs.NotConnectedError as error:
            raise NotConnected from error
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        parameters=[IF_NONE_MATCH, TIME_ZONE, *POLLING_HEADERS],
        responses={200: SyncSerializer, 304: OpenApiResponse(description="Nothing has changed.")},
    )
    @action(detail=True)
    def sync(self, request: PollRequest, pk: int) -> HttpResponse:
        """Where the sync stands, in words and for machines.

        `poll_after` says when to ask again; an unchanged document answers If-None-Match with 304.
        """
        reader = reader_of(request)
        document = _own_document(pk, reader, request.cached_keys, request.cached_entries)
        if is_known(document.etag, request.META.get("HTTP_IF_NONE_MATCH", "")):
            counters.count("poll", "sync", "304")
            return HttpResponse(status=304, headers=document.headers)
        counters.count("poll", "sync", "200")
        return HttpResponse(
            document.body, headers=document.headers, content_type="application/json"
        )

    @extend_schema(
        parameters=[TIME_ZONE, *POLLING_HEADERS],
        request=None,
        responses={
            202: SyncSerializer,
            409: OpenApiResponse(
                description="`not_connected`; `not_before`: the CRM wants no calls yet, "
                "`Retry-After` says when to try again"
            ),
            413: OpenApiResponse(
                description="`body_too_large`: the body is larger than this service accepts."
            ),
        },
    )
    @sync.mapping.post
    def start_sync(self, request: AuthenticatedRequest, pk: int) -> Response:
        """Starts a sync, or returns the active one and brings its planned retry forward."""
        reader = reader_of(request)
        try:
            syncs.sync_now(self.get_object(), by=request.user)
        except syncs.NotConnectedError as error:
            raise NotConnected from error
        except syncs.NotBeforeError as error:
            raise NotBefore(error.connection, reader.time_zone) from error
        except Meeting.DoesNotExist as error:
            raise NotFound from error
        return _accepted(reader, pk)

    @extend_schema(
        parameters=[TIME_ZONE, *POLLING_HEADERS],
        responses={202: SyncSerializer, 409: OpenApiResponse(description="`nothing_to_cancel`")},
    )
    @sync.mapping.delete
    def cancel_sync(self, request: AuthenticatedRequest, pk: int) -> Response:
        """Cancels the active sync, at the latest before its next call to the CRM."""
        reader = reader_of(request)
        if not syncs.cancel(self.get_object().pk):
            raise NothingToCancel
        return _accepted(reader, pk)

    @extend_schema(responses=RunSerializer(many=True))
    @action(detail=True, filter_backends=[])
    def runs(self, request: Request, pk: int) -> Response:
        """The meeting's syncs with their attempts, newest first."""
        runs: QuerySet[Any] = SyncRun.objects.latest_of(self.get_object())
        page = self.paginate_queryset(
            runs.select_related("connection__host").prefetch_related("attempts")
        )
        return self.get_paginated_response(RunSerializer(page or [], many=True).data)


def _own_document(meeting_id: int, reader: Reader, *cached: Sequence[Any]) -> Document:
    document = delivery.read(meeting_id, reader, *cached)
    if document is None:
        raise NotFound
    return document


def _accepted(reader: Reader, meeting_id: int) -> Response:
    document = _own_document(meeting_id, reader)
    data = json.loads(document.body)
    return Response(data, status.HTTP_202_ACCEPTED, headers=document.headers)
