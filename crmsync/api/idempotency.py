"""`Idempotency-Key`: for a day, repeating a POST returns the first answer and has no effect.

A key belongs to one person, or without a token to one client, and to one request, as at Stripe.
Another request with it is refused, and so is the same one while the first is in progress. A request
that fails frees its key. Answers may hold tokens, so they are kept sealed.
"""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any, cast

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, AuthenticationFailed, ValidationError

from accounts.authentication import TokenAuthentication
from accounts.clients import client_of
from crmsync.api.exceptions import KeyReused, RequestInProgress, Unavailable
from crmsync.errors import DATABASE_UNAVAILABLE
from crmsync.fields import Sealed
from crmsync.models import IdempotentRequest

HEADER = "Idempotency-Key"
MAX_KEY_LENGTH = 255
REPLAYED_HEADERS = ("Content-Type", "ETag", "Cache-Control", "Retry-After")
IN_PROGRESS_LIMIT = timedelta(minutes=1)  # After that, its process must have died.
GetResponse = Callable[[HttpRequest], HttpResponse]


class IdempotencyMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.headers.get(HEADER, "")
        if request.method != "POST" or not key or request.path_info.startswith("/admin"):
            return self.get_response(request)
        try:
            return self._answer_once(request, key)
        except DATABASE_UNAVAILABLE:
            return _refuse(Unavailable())
        except APIException as error:
            return _refuse(error)

    def _answer_once(self, request: HttpRequest, key: str) -> HttpResponse:
        """The answer, or the first answer again. Raises KeyReused and RequestInProgress."""
        if len(key) > MAX_KEY_LENGTH:
            text = _("An Idempotency-Key has at most {count} characters.")
            raise ValidationError(str(text).format(count=MAX_KEY_LENGTH))
        kept, is_first = _begin(request, key)
        if not is_first:
            return _replay(kept)
        try:
            return self._answer(request, kept)
        except BaseException:
            kept.delete()
            raise

    def _answer(self, request: HttpRequest, kept: IdempotentRequest) -> HttpResponse:
        """The effect and its answer are committed together, or a repetition could do it twice."""
        calls_crm = request.path_info.startswith("/connection")  # No transaction waits for a CRM.
        with nullcontext() if calls_crm else transaction.atomic():
            response = self.get_response(request)
            if response.status_code < 400:
                _keep(kept, response)
        if response.status_code >= 400:
            kept.delete()
        return response


@transaction.atomic
def _begin(request: HttpRequest, key: str) -> tuple[IdempotentRequest, bool]:
    user = _authenticate(request)
    scope = f"client {client_of(request)}" if user is None else f"user {user.pk}"
    now = timezone.now()
    own = IdempotentRequest.objects.filter(scope=scope, key=key)
    own.filter(_outdated(now)).delete()
    fingerprint = _fingerprint(request)
    made = {"user": user, "fingerprint": fingerprint}
    kept, is_first = own.get_or_create(scope=scope, key=key, defaults=made)
    if kept.fingerprint != fingerprint:
        raise KeyReused
    return kept, is_first


def _outdated(now: datetime) -> Q:
    return Q(begun_at__lt=now - IdempotentRequest.LIFETIME) | Q(
        begun_at__lt=now - IN_PROGRESS_LIMIT, answer__isnull=True
    )


def _authenticate(request: HttpRequest) -> Any:
    """The caller; None if there is no valid token."""
    try:
        identified = TokenAuthentication().authenticate(cast(Any, request))
    except AuthenticationFailed:
        return None
    return identified[0] if identified else None


def _fingerprint(request: HttpRequest) -> str:
    """Keyed, because a body may hold a password."""
    asked = b"\n".join(
        [str(request.method).encode(), request.get_full_path().encode(), request.body]
    )
    return salted_hmac("crmsync.api.idempotency", asked, algorithm="sha256").hexdigest()


def _keep(kept: IdempotentRequest, response: HttpResponse) -> None:
    headers = {name: response[name] for name in REPLAYED_HEADERS if name in response}
    body = response.content.decode()
    sealed = Sealed.seal({"status": response.status_code, "headers": headers, "body": body})
    signed_up = getattr(response, "data", None)
    owner = signed_up.get("user", {}).get("id") if isinstance(signed_up, dict) else None
    # Whoever deletes their account takes the answer to their sign-up along.
    linked = {} if kept.user_id or owner is None else {"user": owner}
    IdempotentRequest.objects.filter(pk=kept.pk).update(answer={"sealed": sealed.token}, **linked)


def _replay(kept: IdempotentRequest) -> HttpResponse:
    if kept.answer is None:
        raise RequestInProgress
    try:
        answer = Sealed(kept.answer["sealed"]).open()
    except (KeyError, InvalidToken) as error:  # Of an older version, or of a key that is gone.
        raise KeyReused from error
    headers = {**answer["headers"], "Idempotent-Replayed": "true"}
    return HttpResponse(answer["body"], status=answer["status"], headers=headers)


def _refuse(error: APIException) -> HttpResponse:
    wait = getattr(error, "wait", None)
    headers = {"Retry-After": str(wait)} if wait else {}
    detail = error.detail[0] if isinstance(error.detail, list) else error.detail
    body = {"detail": detail, "code": getattr(detail, "code", error.default_code)}
    if isinstance(error, ValidationError):
        problem = {"path": HEADER, "code": body["code"], "message": detail}
        body |= {HEADER: [detail], "errors": [problem]}
    return JsonResponse(body, status=error.status_code, headers=headers)
