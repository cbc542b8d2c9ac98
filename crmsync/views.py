import hashlib
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import AuthenticatedRequest
from crmsync import connecting, connections, lifecycle
from crmsync.errors import CATALOGUE, CrmError
from crmsync.filters import SyncStateFilter
from crmsync.models import Connection, SyncRun
from crmsync.serializers import (
    ConnectionSerializer,
    ConnectSerializer,
    RunSerializer,
    SyncedMeetingSerializer,
    SyncSerializer,
)
from crmsync.standing import with_standing
from crmsync.state import describe, error_texts
from meetings.filters import BoundedSearchFilter
from meetings.models import Meeting
from meetings.views import SHOWING_MEETINGS, MeetingViewSet


class NotConnected(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "Connect a CRM first."
    default_code = "not_connected"


class NothingToCancel(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "No sync of this meeting is under way."
    default_code = "nothing_to_cancel"


class SyncedMeetingViewSet(MeetingViewSet):
    """The meetings of the person who asks."""

    serializer_class = SyncedMeetingSerializer
    filter_backends = [BoundedSearchFilter, SyncStateFilter]

    def get_queryset(self) -> QuerySet[Meeting]:
        meetings = super().get_queryset()
        if self.action not in SHOWING_MEETINGS:
            return meetings
        return with_standing(meetings)

    def perform_destroy(self, instance: Meeting) -> None:
        lifecycle.delete_meeting(instance)

    @extend_schema(responses=SyncSerializer)
    @action(detail=True)
    def sync(self, request: AuthenticatedRequest, pk: int) -> HttpResponse:
        """Where the sync stands. Send the ETag as If-None-Match to hear of changes only."""
        document = _read_document(request, pk)
        response: HttpResponse = Response(document, headers=_polling_headers(document))
        if "If-None-Match" in request.headers:
            return (
                get_conditional_response(request, response["ETag"], response=response) or response
            )
        return response

    @extend_schema(
        request=None,
        responses={202: SyncSerializer, 409: OpenApiResponse(description="`not_connected`")},
    )
    @sync.mapping.post
    def start_sync(self, request: AuthenticatedRequest, pk: int) -> Response:
        """Starts a sync; while one is under way it is that one. 409 without a connection."""
        try:
            lifecycle.request_sync(self.get_object(), by=request.user)
        except lifecycle.NotConnectedError as error:
            raise NotConnected from error
        except Meeting.DoesNotExist as error:
            raise NotFound from error
        return _accepted(request, pk)

    @extend_schema(
        responses={202: SyncSerializer, 409: OpenApiResponse(description="`nothing_to_cancel`")},
    )
    @sync.mapping.delete
    def cancel_sync(self, request: AuthenticatedRequest, pk: int) -> Response:
        """Cancels the sync that is under way. 409 where none is."""
        if not lifecycle.cancel(self.get_object().pk):
            raise NothingToCancel
        return _accepted(request, pk)

    @extend_schema(responses=RunSerializer(many=True))
    @action(detail=True, filter_backends=[])
    def runs(self, request: Request, pk: int) -> Response:
        """What was tried, newest first."""
        runs: QuerySet[Any] = SyncRun.objects.latest_of(self.get_object())
        page = self.paginate_queryset(
            runs.select_related("connection").prefetch_related("attempts")
        )
        return self.get_paginated_response(RunSerializer(page or [], many=True).data)


def _read_document(request: AuthenticatedRequest, meeting_id: int) -> dict[str, Any]:
    # One statement, because two would see two moments: done, with a step still in progress.
    latest = SyncRun.objects.latest_of(meeting_id).filter(meeting__user=request.user.pk)
    run = latest.select_related("meeting__user__connection", "connection").first()
    meeting = run.meeting if run else _read_meeting(request, meeting_id)
    return SyncSerializer(describe(meeting, run, connections.of(meeting.user), timezone.now())).data


def _read_meeting(request: AuthenticatedRequest, meeting_id: int) -> Meeting:
    own = Meeting.objects.owned_by(request.user.pk).select_related("user__connection")
    meeting = own.filter(pk=meeting_id).first()
    if meeting is None:
        raise NotFound
    return meeting


def _accepted(request: AuthenticatedRequest, meeting_id: int) -> Response:
    document = _read_document(request, meeting_id)
    return Response(document, status.HTTP_202_ACCEPTED, headers=_polling_headers(document))


def _polling_headers(document: dict[str, Any]) -> dict[str, str]:
    # Weak, because the seconds until the next poll differ while the state they belong to does not.
    stable = JSONRenderer().render({**document, "poll_after": None})
    etag = f'W/"{hashlib.sha256(stable).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache, private"}
    if document["poll_after"] is not None:
        headers["Retry-After"] = str(document["poll_after"])
    return headers


class ConnectionView(APIView):
    """The CRM connection of the person who asks; each has one at most."""

    @extend_schema(responses=ConnectionSerializer)
    def get(self, request: AuthenticatedRequest) -> Response:
        return Response(ConnectionSerializer(_own_connection(request)).data)

    @extend_schema(request=ConnectSerializer, responses=ConnectionSerializer)
    def put(self, request: AuthenticatedRequest) -> Response:
        serializer = ConnectSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            connection = connecting.connect(user=request.user, **serializer.validated_data)
        except CrmError as error:
            provider = serializer.validated_data["provider"]
            texts = error_texts(error.code, provider, error.field, error.detail)
            raise ValidationError({"credentials": [texts["title"], texts["remedy"]]}) from error
        return Response(ConnectionSerializer(connection).data)

    @extend_schema(responses={204: None})
    def delete(self, request: AuthenticatedRequest) -> Response:
        connecting.disconnect(_own_connection(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConnectionCheckView(APIView):
    """Asks the CRM whether the stored credentials still work."""

    @extend_schema(request=None, responses=ConnectionSerializer)
    def post(self, request: AuthenticatedRequest) -> Response:
        checked = connecting.check(_own_connection(request))
        return Response(ConnectionSerializer(checked).data)


def _own_connection(request: AuthenticatedRequest) -> Connection:
    connection = connections.of(request.user)
    if connection is None:
        raise NotFound
    return connection


def help_page(request: HttpRequest, code: str) -> HttpResponse:
    if code not in CATALOGUE:
        raise Http404
    return render(request, "crmsync/help.html", {"code": code, **error_texts(code)})


def help_index(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "crmsync/help_index.html",
        {"titles": {code: error_texts(code)["title"] for code in CATALOGUE}},
    )
