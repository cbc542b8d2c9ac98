from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import AuthenticatedRequest
from accounts.throttles import TOO_MANY, CountingThrottle
from crmsync.api.serializers import (
    AuthorizeSerializer,
    AuthorizeUrlSerializer,
    CallbackSerializer,
    ConnectionSerializer,
    ConnectSerializer,
)
from crmsync.connections import store
from crmsync.errors import CrmError
from crmsync.models import Connection
from crmsync.operations import connections, oauth
from crmsync.status.error_messages import crm_name, error_texts

UNKNOWN_STATE = _("This sign-in has ended or was used before. Please start again.")


NO_CONNECTION = OpenApiResponse(description="No CRM is connected.")


class ConnectingThrottle(CountingThrottle):
    """Each request holds a thread while it calls an address that the person may have chosen."""

    scope = "connecting"
    rate = "30/min"

    def identify(self, request: Request) -> str:
        return str(request.user.pk)


class ConnectionView(APIView):
    """The caller's CRM connection; a person has at most one."""

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
    """Connects through the CRM's own sign-in page instead of a token."""

    throttle_classes = (ConnectingThrottle,)

    @extend_schema(
        parameters=[AuthorizeSerializer],
        responses={200: AuthorizeUrlSerializer, 429: OpenApiResponse(description=TOO_MANY)},
    )
    def get(self, request: AuthenticatedRequest) -> Response:
        """Send the person to this address; the CRM sends them back to `/connection/callback`."""
        serializer = AuthorizeSerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        provider = serializer.validated_data["provider"]
        return Response({"authorize_url": oauth.authorize_url(request.user, provider)})


class CallbackView(APIView):
    """The address to which a CRM sends people back; `state` identifies them."""

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
    connection = store.for_user(request.user)
    if connection is None:
        raise NotFound
    return connection
