"""Many syncs at once: following them, and starting them."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import AuthenticatedRequest, PollAuthentication, PollRequest
from accounts.cache import counters
from crmsync.api.etags import is_known
from crmsync.api.exceptions import NoStreams, NotBefore, NotConnected
from crmsync.api.parameters import IF_NONE_MATCH, TIME_ZONE
from crmsync.api.readers import reader_of
from crmsync.api.serializers import BulkSyncSerializer, StartedSerializer, SyncsSerializer
from crmsync.operations import syncs
from crmsync.status import many
from crmsync.status.delivery import Document
from crmsync.status.reader import Reader
from meetings.models import Meeting

MAX_MEETINGS = 100
IDLE_POLL_AFTER = 60
# Where the front of the web process finds what a stream sends and has to watch.
FOLLOWED = "syncsite.followed"


KNOWN = OpenApiParameter(
    "known",
    description="Up to 100 meetings, separated by commas, each with the `revision` that you have,"
    " if any: `1:ab12cd34ef,2:,3`.",
)


@dataclass(frozen=True)
class Known:
    """A meeting, and the revision of its document that the caller has; empty: none."""

    meeting_id: int
    revision: str


class SyncsView(APIView):
    known_parameters = {"get": {"known", "tz"}, "post": {"tz"}}

    def get_authenticators(self) -> list[BaseAuthentication]:
        # The schema looks at the view without a request of its own.
        is_asked = not getattr(self, "swagger_fake_view", False)
        is_poll = is_asked and self.request.method in ("GET", "HEAD")
        return [PollAuthentication(self._keys())] if is_poll else super().get_authenticators()

    def get_throttles(self) -> list[BaseThrottle]:
        return [] if self.request.method in ("GET", "HEAD") else super().get_throttles()

    def _keys(self) -> Callable[[int], list[str]]:
        try:
            asked = parse_known(self.request.GET.get("known", ""))
        except ValidationError:
            asked = []  # get() refuses it.
        return lambda user_id: many.keys([known.meeting_id for known in asked], user_id)

    @extend_schema(
        parameters=[KNOWN, TIME_ZONE, IF_NONE_MATCH],
        responses={200: SyncsSerializer, 304: OpenApiResponse(description="Nothing has changed.")},
    )
    def get(self, request: PollRequest) -> HttpResponse:
        """The documents of many meetings that differ from what you have."""
        reader = reader_of(request)
        asked = parse_known(request.GET.get("known", ""))
        ids = [known.meeting_id for known in asked]
        documents = many.read(ids, reader, request.cached_keys, request.cached_entries)
        request.META[FOLLOWED] = _followed(request, documents)
        return _answer(request, asked, documents)

    @extend_schema(
        parameters=[TIME_ZONE], request=BulkSyncSerializer, responses={200: StartedSerializer}
    )
    def post(self, request: AuthenticatedRequest) -> Response:
        """Starts a sync of each, and says of each how that went."""
        reader = reader_of(request)
        serializer = BulkSyncSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        ids = list(dict.fromkeys(serializer.validated_data["meetings"]))
        own = {one.pk: one for one in Meeting.objects.owned_by(request.user.pk).filter(pk__in=ids)}
        refused = {pk: _refusal(own.get(pk), request.user, reader) for pk in ids}
        started = many.read([pk for pk in ids if refused[pk] is None], reader)
        return Response({"results": [_result(pk, refused[pk], started.get(pk)) for pk in ids]})


@dataclass(frozen=True)
class Followed:
    """What a stream sends, and what it has to watch. `ends_at` is a Unix time."""

    user_id: int
    ends_at: float
    token_key: str
    token_id: str
    documents: dict[int, Document]


def _followed(request: PollRequest, documents: dict[int, Document]) -> Followed:
    token: Any = request.auth
    return Followed(request.user.pk, token["exp"], token.key, token["jti"], documents)


class StreamView(APIView):
    """The front of the web process answers this; Django does only where there is no such front."""

    http_method_names = ("get", "options")
    known_parameters = {"get": {"known", "tz"}}

    @extend_schema(
        parameters=[KNOWN, TIME_ZONE],
        responses={
            (200, "text/event-stream"): str,
            503: OpenApiResponse(
                description="`no_streams`: too many are open. Poll `/syncs` instead."
            ),
        },
    )
    def get(self, request: AuthenticatedRequest) -> Response:
        """`/syncs` as server-sent events.

        `event: sync` has a document as its data: first those that differ from what you have, then
        each within a second of its change. `event: gone` has the ids of meetings that are no more.
        `event: bye` comes before the end, when the token ends or the service stops.
        """
        raise NoStreams


def parse_known(text: str) -> list[Known]:
    """Raises ValidationError."""
    parts = [part.partition(":") for part in text.split(",")] if text else []
    if len(parts) > MAX_MEETINGS:
        raise ValidationError(
            {"known": [_("At most {count} meetings.").format(count=MAX_MEETINGS)]}
        )
    if not all(pk.isascii() and pk.isdigit() and len(pk) <= 18 for pk, _colon, _revision in parts):
        raise ValidationError({"known": [_("Name meetings as in 1:ab12cd34ef,2:,3.")]})
    by_id = {int(pk): revision for pk, _colon, revision in parts}
    return [Known(pk, revision) for pk, revision in by_id.items()]


def _answer(
    request: PollRequest, asked: Sequence[Known], documents: dict[int, Document]
) -> HttpResponse:
    gone = [known.meeting_id for known in asked if known.meeting_id not in documents]
    poll_after = min((one.poll_after for one in documents.values()), default=IDLE_POLL_AFTER)
    etag = _etag_of(documents, gone)
    headers = {
        "ETag": etag,
        "Cache-Control": "no-cache, private",
        "Retry-After": str(poll_after),
    }
    if is_known(etag, request.META.get("HTTP_IF_NONE_MATCH", "")):
        counters.count("poll", "syncs", "304")
        return HttpResponse(status=304, headers=headers)
    counters.count("poll", "syncs", "200")
    told = {known.meeting_id: known.revision for known in asked}
    differing = [one.body for pk, one in documents.items() if one.revision != told[pk]]
    body = (
        f'{{"syncs":[{",".join(differing)}],"gone":{json.dumps(gone)},"poll_after":{poll_after}}}'
    )
    return HttpResponse(body, headers=headers, content_type="application/json")


def _etag_of(documents: dict[int, Document], gone: Sequence[int]) -> str:
    """Weak: `poll_after` differs while nothing else does."""
    told = [*sorted((pk, one.revision) for pk, one in documents.items()), *gone]
    return f'W/"{hashlib.sha256(repr(told).encode()).hexdigest()[:20]}"'


def _refusal(meeting: Meeting | None, user: Any, reader: Reader) -> APIException | None:
    """Why its sync was not started; None if it was."""
    if meeting is None:
        return NotFound()
    try:
        syncs.sync_now(meeting, by=user)
    except syncs.NotConnectedError:
        return NotConnected()
    except syncs.NotBeforeError as error:
        return NotBefore(error.connection, reader.time_zone)
    except Meeting.DoesNotExist:
        return NotFound()
    return None


def _result(
    meeting_id: int, refused: APIException | None, document: Document | None
) -> dict[str, Any]:
    refused = refused or (NotFound() if document is None else None)
    if refused is not None or document is None:
        detail: Any = refused.detail if refused else ""
        error = {"detail": detail, "code": detail.code}
        status = refused.status_code if refused else NotFound.status_code
        return {"meeting_id": meeting_id, "status": status, "error": error}
    return {"meeting_id": meeting_id, "status": 202, "sync": json.loads(document.body)}
