from typing import cast

from django.contrib.auth.models import update_last_login
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import tokens
from accounts.authentication import AuthenticatedRequest
from accounts.models import User
from accounts.serializers import (
    AuthenticateSerializer,
    ChangePasswordSerializer,
    PersonSerializer,
    SignedUpSerializer,
    SignUpSerializer,
    TokenSerializer,
    issue_token,
    with_expiry,
)
from accounts.throttles import GUESSING, TOO_MANY, SignUpAddressThrottle, UserThrottle


class SignUpView(APIView):
    """Creates an account and returns a token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (SignUpAddressThrottle,)

    @extend_schema(
        auth=[],
        request=SignUpSerializer,
        responses={201: SignedUpSerializer, 429: OpenApiResponse(description=TOO_MANY)},
    )
    def post(self, request: Request) -> Response:
        serializer = SignUpSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = serializer.save()
        answer = SignedUpSerializer({**issue_token(user), "user": user})
        return Response(answer.data, status=status.HTTP_201_CREATED)


class AuthenticateView(APIView):
    """Exchanges e-mail address and password for a token, to be sent in `Authorization`."""

    # Kept though unused: without an authenticator a refused log-in would be a 403.
    permission_classes = (AllowAny,)
    throttle_classes = GUESSING

    def perform_authentication(self, request: Request) -> None:
        """Ignores an old token in the header."""

    @extend_schema(
        auth=[],
        request=AuthenticateSerializer,
        responses={
            200: TokenSerializer,
            401: OpenApiResponse(
                description="`no_active_account`: no active account has this address and password."
            ),
            429: OpenApiResponse(description=TOO_MANY),
        },
    )
    def post(self, request: Request) -> Response:
        serializer = AuthenticateSerializer(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        user = cast(User, serializer.user)
        update_last_login(None, user)  # type: ignore[arg-type]
        return Response(TokenSerializer(issue_token(user)).data)


class MeView(APIView):
    """The caller."""

    @extend_schema(responses=PersonSerializer)
    def get(self, request: AuthenticatedRequest) -> Response:
        return Response(PersonSerializer(request.user).data)

    @extend_schema(request=PersonSerializer(partial=True), responses=PersonSerializer)
    def patch(self, request: AuthenticatedRequest) -> Response:
        """`time_zone` is what moments are told in, `language` what every text is in."""
        serializer = PersonSerializer(request.user, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        user = User.objects.get(pk=request.user.pk)
        return Response(PersonSerializer(serializer.update(user, serializer.validated_data)).data)


class RefreshView(APIView):
    """Exchanges a token that is still valid for a new one; the old one stays valid, too."""

    @extend_schema(request=None, responses=TokenSerializer)
    def post(self, request: AuthenticatedRequest) -> Response:
        renewed = tokens.renew(request.auth)
        return Response(TokenSerializer(with_expiry(renewed)).data)


class LogoutView(APIView):
    """Ends the token of this request at once. Others of the person stay valid."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: AuthenticatedRequest) -> Response:
        tokens.end(request.user.pk, request.auth)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasswordView(APIView):
    """Changes the password, revokes every older token and returns a new one."""

    throttle_classes = (UserThrottle, *GUESSING)

    @extend_schema(request=ChangePasswordSerializer, responses=TokenSerializer)
    def post(self, request: AuthenticatedRequest) -> Response:
        serializer = ChangePasswordSerializer(request.user, data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(TokenSerializer(issue_token(serializer.save())).data)
