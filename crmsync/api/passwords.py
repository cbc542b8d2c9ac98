"""A new password for people who have forgotten theirs."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.serializers import (
    UNKNOWN_TOKEN,
    PasswordMailSerializer,
    ResetPasswordSerializer,
    TokenSerializer,
    issue_token,
)
from accounts.throttles import GUESSING, TOO_MANY, AuthenticateAddressThrottle
from crmsync.operations import passwords

ON_ITS_WAY = _("If somebody has this address here, they get an e-mail in a moment.")


class OnItsWaySerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()


class PasswordMailView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = GUESSING

    @extend_schema(
        auth=[],
        request=PasswordMailSerializer,
        responses={202: OnItsWaySerializer, 429: OpenApiResponse(description=TOO_MANY)},
    )
    def post(self, request: Request) -> Response:
        """Sends a mail with a link to choose a new password, if somebody has the address.

        The answer does not tell whether somebody has. The link works once, for an hour. An address
        gets at most one such mail in five minutes.
        """
        serializer = PasswordMailSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        passwords.request_mail(serializer.validated_data["email"])
        return Response({"detail": ON_ITS_WAY}, status.HTTP_202_ACCEPTED)


class ResetPasswordView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (AuthenticateAddressThrottle,)

    @extend_schema(
        auth=[],
        request=ResetPasswordSerializer,
        responses={200: TokenSerializer, 429: OpenApiResponse(description=TOO_MANY)},
    )
    def post(self, request: Request) -> Response:
        """Sets a new password with the token of the mail, and returns a token to go on with.

        Every older token ends. Nothing is sent to the CRM until the person connects it again.
        """
        return Response(TokenSerializer(issue_token(_reset(request.data))).data)


@require_http_methods(["GET", "HEAD", "POST"])
def new_password(request: HttpRequest) -> HttpResponse:
    """The page that the link in the mail opens."""
    words: dict[str, Any] = {"token": request.GET.get("token", "")}
    if request.method == "POST":
        words = {"token": request.POST.get("token", "")}
        try:
            _reset(request.POST.dict())
            words["is_done"] = True
        except ValidationError as error:
            words["errors"] = [text for texts in _texts(error) for text in texts]
    response = render(
        request, "crmsync/new_password.html", words, status=400 if "errors" in words else 200
    )
    response["Referrer-Policy"] = "no-referrer"  # The address holds the token.
    response["Cache-Control"] = "no-store"
    return response


def _texts(error: ValidationError) -> Any:
    return error.detail.values() if isinstance(error.detail, dict) else [error.detail]


def _reset(data: Any) -> User:
    """Raises ValidationError."""
    serializer = ResetPasswordSerializer(data=data)
    serializer.is_valid(raise_exception=True)
    chosen = serializer.validated_data
    try:
        return passwords.reset(chosen["token"], chosen["password"])
    except passwords.UnknownTokenError as error:  # Somebody else was faster.
        raise ValidationError({"token": [UNKNOWN_TOKEN]}) from error
