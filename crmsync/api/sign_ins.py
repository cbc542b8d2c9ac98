"""Connecting through a CRM's own sign-in page instead of a token."""

from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.parsers import FormParser
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import AuthenticatedRequest
from accounts.serializers import AuthenticateSerializer
from accounts.throttles import GUESSING, UserThrottle
from crmsync.api.connection_serializers import ConnectionSerializer
from crmsync.api.connections import REFUSED
from crmsync.api.exceptions import ConnectingRefused, SignInRefused
from crmsync.api.sign_in_serializers import (
    AuthorizeSerializer,
    AuthorizeUrlSerializer,
    CallbackSerializer,
    CompleteSerializer,
    ConnectionCodeSerializer,
)
from crmsync.api.throttles import ConnectingThrottle, crm_calls
from crmsync.models import Connection, OAuthState
from crmsync.operations import oauth
from crmsync.status.error_messages import crm_name

UNKNOWN_SIGN_IN = _("This sign-in has ended or was used before. Please start again.")


class AuthorizeView(APIView):
    throttle_classes = (UserThrottle, ConnectingThrottle)
    known_parameters = {"get": {"provider", "return_to", "instance_url"}}

    @extend_schema(
        parameters=[AuthorizeSerializer],
        responses={200: AuthorizeUrlSerializer},
    )
    def get(self, request: AuthenticatedRequest) -> Response:
        """Send the person to this address; the CRM sends them back to `/connection/callback`."""
        serializer = AuthorizeSerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        return Response(
            {"authorize_url": oauth.authorize_url(request.user, **serializer.validated_data)}
        )


class CallbackView(APIView):
    """The address to which a CRM sends people back.

    It connects nothing. It sends the browser on to `return_to`, with a `connection_code` for
    `POST /connection/complete` or with the CRM's reason as `connection_error`. Without
    `return_to`, a page asks the person to sign in and to confirm.
    """

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (JSONRenderer, TemplateHTMLRenderer)
    parser_classes = (FormParser,)
    known_parameters = None  # CRMs add some of their own.

    def get_throttles(self) -> list[BaseThrottle]:
        if self.request.method != "POST":
            return []
        return [throttle() for throttle in GUESSING]

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(*args, **kwargs)
        response["Referrer-Policy"] = "no-referrer"  # The address holds the CRM's code.
        return response

    @extend_schema(
        parameters=[CallbackSerializer],
        responses={
            (200, "application/json"): ConnectionCodeSerializer,
            (200, "text/html"): str,
            302: OpenApiResponse(description="To `return_to`."),
            400: OpenApiResponse(
                description="The state has ended or was used, or `sign_in_refused`: the CRM's"
                " reason."
            ),
        },
    )
    def get(self, request: Request) -> HttpResponse:
        serializer = CallbackSerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        came_back = serializer.validated_data
        try:
            if came_back["code"]:
                sign_in = oauth.park(came_back["state"], came_back["code"])
                return _go_on(sign_in, connection_code=sign_in.connection_code)
            sign_in = oauth.consume_state(came_back["state"])
        except oauth.UnknownSignInError as error:
            raise ValidationError({"state": [UNKNOWN_SIGN_IN]}) from error
        if not sign_in.return_to:
            raise SignInRefused(sign_in.provider, came_back["reason"])
        return _go_on(sign_in, connection_error=came_back["reason"])

    @extend_schema(exclude=True)
    def post(self, request: Request) -> Response:
        """The form of the page that `get` shows."""
        form = cast(QueryDict, request.data).dict()
        code = str(form.pop("connection_code", ""))
        serializer = AuthenticateSerializer(data=form, context={"request": request})
        try:
            serializer.is_valid(raise_exception=True)
            connection = _complete(serializer.user, code)
        except (ValidationError, AuthenticationFailed, ConnectingRefused) as error:
            words = {"connection_code": code, "errors": _words_of(error.detail)}
            refused = status.HTTP_400_BAD_REQUEST
            return Response(words, refused, template_name="crmsync/confirm_connection.html")
        words = {"account": connection.account_name, "crm": crm_name(connection.provider)}
        return Response(words, template_name="crmsync/connected.html")


class CompleteView(APIView):
    """Connects the CRM of a sign-in that the caller began."""

    throttle_classes = (UserThrottle, ConnectingThrottle)

    @extend_schema(
        request=CompleteSerializer,
        responses={200: ConnectionSerializer, 400: REFUSED},
    )
    def post(self, request: AuthenticatedRequest) -> Response:
        serializer = CompleteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        connection = _complete(request.user, serializer.validated_data["code"])
        return Response(ConnectionSerializer(connection).data)


def _complete(user: Any, code: str) -> Connection:
    try:
        with crm_calls.of(user.pk):
            return oauth.complete(user, code)
    except oauth.UnknownSignInError as error:
        raise ValidationError({"code": [UNKNOWN_SIGN_IN]}) from error
    except oauth.RefusedError as refused:
        raise ConnectingRefused(refused.error, refused.provider, "code") from refused


def _go_on(sign_in: OAuthState, **query: str | None) -> HttpResponse:
    if sign_in.return_to:
        page = urlsplit(sign_in.return_to)
        together = urlencode([*parse_qsl(page.query, keep_blank_values=True), *query.items()])
        location = page._replace(query=together).geturl()
        return HttpResponseRedirect(location)
    words = {**query, "crm": crm_name(sign_in.provider), "email": sign_in.user.email}
    return Response(words, template_name="crmsync/confirm_connection.html")


def _words_of(detail: Any) -> list[str]:
    if isinstance(detail, dict):
        reasons = [detail["detail"]] if "detail" in detail else detail.values()
        return [word for reason in reasons for word in _words_of(reason)]
    return [str(word) for word in (detail if isinstance(detail, list) else [detail])]
