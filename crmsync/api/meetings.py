import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import parse_etags
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import AuthenticatedRequest, PollRequest
from accounts.cache import counters
from accounts.throttles import TOO_MANY, CountingThrottle
from crmsync.api.idempotency import answer_once
from crmsync.api.pagination import DeferringPagination
from crmsync.api.serializers import (
    AuthorizeSerializer,
    AuthorizeUrlSerializer,
    CallbackSerializer,
    ConnectionSerializer,
    ConnectSerializer,
    RunSerializer,
    SyncedMeetingSerializer,
    SyncSerializer,
)
from crmsync.connections import store
from crmsync.errors import CATALOGUE, CrmError
from crmsync.models import Connection, SyncRun
from crmsync.operations import connections, oauth, syncs
from crmsync.status import delivery
from crmsync.status.delivery import Document
from crmsync.status.error_messages import clock, crm_name, error_texts
from crmsync.status.latest_runs import with_standing
from crmsync.status.sql import SyncStateFilter
from meetings.filters import MeetingSearchFilter
from meetings.models import Meeting
from meetings.views import SHOWING_MEETINGS, MeetingViewSet

UNKNOWN_STATE = _("This sign-in has ended or was used before. Please start again.")
NO_CONNECTION = OpenApiResponse(description="No CRM is connected.")
SHOWING_A_DOCUMENT = [200, 202, 304]
IF_NONE_MATCH = OpenApiParameter("If-None-Match", location="header", description="An ETag.")
POLLING_HEADERS = [
    OpenApiParameter(
        "ETag",
        location="header",
        response=SHOWING_A_DOCUMENT,
        description="Of the state, in the language of the answer.",
    ),
    OpenApiParameter(
        "Retry-After",
        int,
        "header",
        response=SHOWING_A_DOCUMENT,
        description="`poll_after`, in seconds; absent where there is no need to ask again.",
    ),
]
REPLAYED = OpenApiParameter(
    "Idempotent-Replayed",
    location="header",
    response=[202],
    description="`true` where the answer is that of an earlier request with the same key.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    location="header",
    description="Of your choice, up to 255 characters. The same request with the same key gets "
    "the same answer for 24 hours.",
)


class NotConnected(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = _("Connect a CRM first.")
    default_code = "not_connected"


class NotBefore(APIException):
    """The CRM asked us to wait; `Retry-After` says how long."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = _("{crm} wants no requests before {time}.")
    default_code = "not_before"

    def __init__(self, connection: Connection) -> None:
        now = timezone.now()
        at = connection.not_before or now
        self.wait = math.ceil((at - now).total_seconds())  # DRF's Retry-After.
        words = {"crm": crm_name(connection.provider), "time": clock(at, now)}
        super().__init__(str(self.default_detail).format_map(words))


class NothingToCancel(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = _("No sync of this meeting is under way.")
    default_code = "nothing_to_cancel"


class SyncedMeetingViewSet(MeetingViewSet):
    """The meetings of the person who asks."""

    serializer_class = SyncedMeetingSerializer
    filter_backends = [MeetingSearchFilter, SyncStateFilter]
    pagination_class = DeferringPagination

    def get_queryset(self) -> QuerySet[Meeting]:
        meetings = super().get_queryset()
        if self.action not in SHOWING_MEETINGS:
            return meetings
        return with_standing(meetings)

    def _keys_of_poll(self) -> Callable[[int], list[str]] | None:
        if "pk" not in self.kwargs or self.action_map.get("get") != "sync":
            return super()._keys_of_poll()
        pk = self.kwargs["pk"]
        return partial(delivery.keys, pk) if self.request.method in ("GET", "HEAD") else None

    def perform_destroy(self, instance: Meeting) -> None:
        syncs.delete_meeting(instance)

    @extend_schema(
        parameters=[IF_NONE_MATCH, *POLLING_HEADERS],
        responses={200: SyncSerializer, 304: OpenApiResponse(description="Nothing has changed.")},
    )
    @action(detail=True)
    def sync(self, request: PollRequest, pk: int) -> HttpResponse:
        """Where the sync stands, in words and for machines.

        Send the ETag as If-None-Match to hear of changes only; `poll_after` says when.
        """
        document = _own_document(request.user.pk, pk, request.auth)
        if _is_known(document.etag, request.META.get("HTTP_IF_NONE_MATCH", "")):
            counters.count("poll", "sync", "304")
            return HttpResponse(status=304, headers=document.headers)
        counters.count("poll", "sync", "200")
        return HttpResponse(
            document.body, headers=document.headers, content_type="application/json"
        )

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY, REPLAYED, *POLLING_HEADERS],
        request=None,
        responses={
            202: SyncSerializer,
            400: OpenApiResponse(description="The Idempotency-Key is too long."),
            409: OpenApiResponse(
                description="`not_connected`; `not_before`: the CRM wants no calls yet, and "
                "`idempotency_key_in_use`: `Retry-After` says when to try again"
            ),
            413: OpenApiResponse(description="The body is larger than this service accepts."),
            422: OpenApiResponse(description="`idempotency_key_reused`"),
        },
    )
    @sync.mapping.post
    def start_sync(self, request: AuthenticatedRequest, pk: int) -> Response:
        """Starts a sync; while one is under way it is that one, and its planned retry comes now."""
        return answer_once(request, partial(self._start_sync, request, pk))

    def _start_sync(self, request: AuthenticatedRequest, pk: int) -> Response:
        try:
            syncs.sync_now(self.get_object(), by=request.user)
        except syncs.NotConnectedError as error:
            raise NotConnected from error
        except syncs.NotBeforeError as error:
            raise NotBefore(error.connection) from error
        except Meeting.DoesNotExist as error:
            raise NotFound from error
        return _accepted(request, pk)

    @extend_schema(
        parameters=POLLING_HEADERS,
        responses={202: SyncSerializer, 409: OpenApiResponse(description="`nothing_to_cancel`")},
    )
    @sync.mapping.delete
    def cancel_sync(self, request: AuthenticatedRequest, pk: int) -> Response:
        """Cancels the sync that is under way: at once, or before the next call to the CRM."""
        if not syncs.cancel(self.get_object().pk):
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


def _own_document(user_id: int, meeting_id: int, entries: Sequence[bytes | None] = ()) -> Document:
    document = delivery.read(meeting_id, user_id, entries)
    if document is None:
        raise NotFound
    return document


def _is_known(etag: str, if_none_match: str) -> bool:
    """No other condition than this one: If-Match would be about changing, not about reading."""
    known = {tag.removeprefix("W/") for tag in parse_etags(if_none_match)}
    return bool(known & {"*", etag.removeprefix("W/")})


def _accepted(request: AuthenticatedRequest, meeting_id: int) -> Response:
    document = _own_document(request.user.pk, meeting_id)
    data = json.loads(document.body)
    return Response(data, status.HTTP_202_ACCEPTED, headers=document.headers)


class ConnectingThrottle(CountingThrottle):
    """Each try calls an address that the person may have chosen, and holds a thread meanwhile."""

    scope = "connecting"
    rate = "30/min"

    def identify(self, request: Request) -> str:
        return str(request.user.pk)


class ConnectionView(APIView):
    """The CRM connection of the person who asks; each has one at most."""

    def get_throttles(self) -> list[BaseThrottle]:
        return [ConnectingThrottle()] if self.request.method == "PUT" else []

    @extend_schema(responses={200: ConnectionSerializer, 404: NO_CONNECTION})
    def get(self, request: AuthenticatedRequest) -> Response:
        return Response(ConnectionSerializer(_own_connection(request)).data)

    @extend_schema(
        request=ConnectSerializer,
        responses={200: ConnectionSerializer, 429: OpenApiResponse(description=TOO_MANY)},
    )
    def put(self, request: AuthenticatedRequest) -> Response:
        serializer = ConnectSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            connection = connections.connect(user=request.user, **serializer.validated_data)
        except CrmError as error:
            provider = serializer.validated_data["provider"]
            raise ValidationError({"credentials": _reasons(error, provider)}) from error
        return Response(ConnectionSerializer(connection).data)

    @extend_schema(responses={204: None, 404: NO_CONNECTION})
    def delete(self, request: AuthenticatedRequest) -> Response:
        connections.disconnect(_own_connection(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConnectionCheckView(APIView):
    """Asks the CRM whether the stored credentials still work."""

    throttle_classes = (ConnectingThrottle,)

    @extend_schema(
        request=None,
        responses={
            200: ConnectionSerializer,
            404: NO_CONNECTION,
            429: OpenApiResponse(description=TOO_MANY),
        },
    )
    def post(self, request: AuthenticatedRequest) -> Response:
        checked = connections.check(_own_connection(request))
        return Response(ConnectionSerializer(checked).data)


class AuthorizeView(APIView):
    """The way to a connection for whom the CRM's own sign-in is easier than a token."""

    throttle_classes = (ConnectingThrottle,)

    @extend_schema(
        parameters=[AuthorizeSerializer],
        responses={200: AuthorizeUrlSerializer, 429: OpenApiResponse(description=TOO_MANY)},
    )
    def get(self, request: AuthenticatedRequest) -> Response:
        """Send the person there; the CRM sends them back to `/connection/callback`."""
        serializer = AuthorizeSerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        provider = serializer.validated_data["provider"]
        return Response({"authorize_url": oauth.authorize_url(request.user, provider)})


class CallbackView(APIView):
    """Where a CRM sends people back to; `state` tells who they are."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (JSONRenderer, TemplateHTMLRenderer)

    @extend_schema(
        parameters=[CallbackSerializer],
        responses={(200, "application/json"): ConnectionSerializer, (200, "text/html"): str},
    )
    def get(self, request: Request) -> Response:
        serializer = CallbackSerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        try:
            connection = oauth.complete(**serializer.validated_data)
        except oauth.UnknownStateError as error:
            raise ValidationError({"state": [UNKNOWN_STATE]}) from error
        except CrmError as error:
            raise ValidationError({"code": _reasons(error, "")}) from error
        shown = ConnectionSerializer(connection).data
        named = {**shown, "crm": crm_name(connection.provider)}
        is_page = request.accepted_renderer.format == "html"
        return Response(named if is_page else shown, template_name="crmsync/connected.html")


def _reasons(error: CrmError, provider: str) -> list[str]:
    texts = error_texts(error.code, provider, error.field, error.detail)
    return [texts["title"], texts["message"], texts["remedy"]]


def _own_connection(request: AuthenticatedRequest) -> Connection:
    connection = store.of(request.user)
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
