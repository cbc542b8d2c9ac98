import hashlib
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.filters import SearchFilter
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
from crmsync.state import describe, error_texts
from meetings.models import Meeting
from meetings.views import MeetingViewSet

LATEST_RUN = Prefetch(
    "sync_runs",
    SyncRun.objects.select_related("connection").order_by("-id")[:1],
    to_attr="latest_runs",
)


class NotConnected(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "Connect a CRM first."
    default_code = "not_connected"


class NothingToCancel(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "No sync of this meeting is under way."
    default_code = "nothing_to_cancel"


class SyncedMeetingViewSet(MeetingViewSet):
    """The meetings, and what can be seen and done about their syncs."""

    serializer_class = SyncedMeetingSerializer
    filter_backends = [SearchFilter, SyncStateFilter]

    def get_queryset(self) -> QuerySet[Meeting]:
        meetings = super().get_queryset().select_related("user__connection")
        return meetings.prefetch_related(LATEST_RUN)

    def perform_destroy(self, instance: Meeting) -> None:
        for _ in range(3):
            try:
                with transaction.atomic():
                    lifecycle.cancel(instance.pk)
                    super().perform_destroy(instance)
                return
            except IntegrityError:  # A new sync began just now; it is canceled in turn.
                instance.refresh_from_db()

    @extend_schema(responses=SyncSerializer)
    @action(detail=True)
    def sync(self, request: Request, pk: int) -> HttpResponse:
        return _document(request, self.get_object(), status.HTTP_200_OK)

    @extend_schema(request=None, responses={202: SyncSerializer})
    @sync.mapping.post
    def start_sync(self, request: Request, pk: int) -> HttpResponse:
        try:
            lifecycle.request_sync(self.get_object(), by=request.user)
        except lifecycle.NotConnectedError as error:
            raise NotConnected from error
        except Meeting.DoesNotExist as error:
            raise NotFound from error
        return _document(request, self.get_object(), status.HTTP_202_ACCEPTED)

    @extend_schema(responses={202: SyncSerializer})
    @sync.mapping.delete
    def cancel_sync(self, request: Request, pk: int) -> HttpResponse:
        if not lifecycle.cancel(self.get_object().pk):
            raise NothingToCancel
        return _document(request, self.get_object(), status.HTTP_202_ACCEPTED)

    @extend_schema(responses=RunSerializer(many=True))
    @action(detail=True)
    def runs(self, request: Request, pk: int) -> Response:
        runs: QuerySet[Any] = SyncRun.objects.filter(meeting=self.get_object())
        page = self.paginate_queryset(
            runs.select_related("connection").prefetch_related("attempts")
        )
        return self.get_paginated_response(RunSerializer(page or [], many=True).data)


def _document(request: Request, meeting: Meeting, status_code: int) -> HttpResponse:
    run = meeting.latest_runs[0] if meeting.latest_runs else None  # type: ignore[attr-defined]
    own = connections.of(meeting.user)
    document = SyncSerializer(describe(meeting, run, own, timezone.now())).data
    response: HttpResponse = Response(document, status=status_code)
    # Weak, because the seconds until the next poll differ while the state they belong to does not.
    stable = JSONRenderer().render({**document, "poll_after": None})
    response["ETag"] = f'W/"{hashlib.sha256(stable).hexdigest()[:32]}"'
    if status_code == status.HTTP_200_OK:
        answer = get_conditional_response(request, response["ETag"], response=response)
        response = answer or response
    response["Cache-Control"] = "no-cache, private"
    if document["poll_after"] is not None:
        response["Retry-After"] = str(document["poll_after"])
    return response


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
