from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import AuthenticatedRequest, password_changed
from accounts.throttles import UserThrottle
from crmsync.api.connection_serializers import (
    CONNECTION_OR_NONE,
    NOT_CONNECTED,
    ChangeConnectionSerializer,
    ConnectionSerializer,
    ConnectSerializer,
    ProviderSerializer,
)
from crmsync.api.exceptions import ConnectingRefused
from crmsync.api.throttles import ConnectingThrottle, crm_calls
from crmsync.connections import store
from crmsync.errors import CrmError
from crmsync.models import Connection
from crmsync.operations import connections
from crmsync.status.provider_texts import describe_providers

NO_CONNECTION = OpenApiResponse(description="`not_found`: no CRM is connected.")
REFUSED = OpenApiResponse(
    description="The input is not valid, or `connecting_refused`: the CRM refused, and nothing was"
    " stored. Its error says why and what to do."
)


class ProvidersView(APIView):
    """What can be connected, and what a form for it asks."""

    @extend_schema(responses=ProviderSerializer(many=True))
    def get(self, request: AuthenticatedRequest) -> Response:
        return Response(describe_providers())


class ConnectionView(APIView):
    """The caller's CRM connection; a person has at most one."""

    def get_throttles(self) -> list[BaseThrottle]:
        connecting = [ConnectingThrottle()] if self.request.method in {"PUT", "PATCH"} else []
        return [*super().get_throttles(), *connecting]

    @extend_schema(responses={200: CONNECTION_OR_NONE})
    def get(self, request: AuthenticatedRequest) -> Response:
        """Without a connection, `state` is `not_connected` and there is nothing else."""
        connection = store.for_user(request.user)
        if connection is None:
            return Response({"state": NOT_CONNECTED})
        return Response(ConnectionSerializer(connection).data)

    @extend_schema(
        request=ConnectSerializer,
        responses={200: ConnectionSerializer, 400: REFUSED},
    )
    def put(self, request: AuthenticatedRequest) -> Response:
        """Connects a CRM, or another one instead, once it accepts the credentials.

        What waits for a connection goes on then. Without `options`, those of before stay.
        """
        serializer = ConnectSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            with crm_calls.of(request.user.pk):
                key = request.auth.key
                given = serializer.validated_data
                connection = connections.connect(user=request.user, **given, key=key)
        except connections.SessionEndedError as error:
            raise password_changed() from error
        except CrmError as error:
            provider = serializer.validated_data["provider"]
            raise ConnectingRefused(error, provider, "credentials") from error
        return Response(ConnectionSerializer(connection).data)

    @extend_schema(
        request=ChangeConnectionSerializer,
        responses={200: ConnectionSerializer, 404: NO_CONNECTION},
    )
    def patch(self, request: AuthenticatedRequest) -> Response:
        """Changes the options alone, and looks at the account anew."""
        connection = _own_connection(request)
        context = {"provider": connection.provider}
        serializer = ChangeConnectionSerializer(data=request.data, context=context)
        serializer.is_valid(raise_exception=True)
        with crm_calls.of(request.user.pk):
            options = serializer.validated_data["options"]
            changed = connections.change_options(connection, options)
        return Response(ConnectionSerializer(changed).data)

    @extend_schema(responses={204: None, 404: NO_CONNECTION})
    def delete(self, request: AuthenticatedRequest) -> Response:
        """Disconnects the CRM: active syncs are canceled and the credentials are forgotten.

        What was saved in the CRM stays there.
        """
        connections.disconnect(_own_connection(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConnectionCheckView(APIView):
    """Asks the CRM whether the stored credentials still work."""

    throttle_classes = (UserThrottle, ConnectingThrottle)

    @extend_schema(
        request=None,
        responses={
            200: ConnectionSerializer,
            404: NO_CONNECTION,
        },
    )
    def post(self, request: AuthenticatedRequest) -> Response:
        with crm_calls.of(request.user.pk):
            checked = connections.check(_own_connection(request))
        return Response(ConnectionSerializer(checked).data)


def _own_connection(request: AuthenticatedRequest) -> Connection:
    connection = store.for_user(request.user)
    if connection is None:
        raise NotFound
    return connection
