"""`Idempotency-Key`: for a day, repeating a request returns the first answer and has no effect.

A key belongs to one user and one request, as at Stripe. Another request with it is refused, and
so is the same one while the first is in progress. A request that fails frees its key.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from accounts.authentication import AuthenticatedRequest
from crmsync.api.exceptions import KeyReused, RequestInProgress
from crmsync.models import IdempotentRequest

HEADER = "Idempotency-Key"
MAX_KEY_LENGTH = 255
REPLAYED_HEADERS = ("ETag", "Cache-Control", "Retry-After")
IN_PROGRESS_LIMIT = timedelta(minutes=1)  # After that, its process must have died.


def answer_once(request: AuthenticatedRequest, answer: Callable[[], Response]) -> Response:
    """`answer()`, or the first answer again. Raises KeyReused and RequestInProgress."""
    key = request.headers.get(HEADER, "")
    if not key:
        return answer()
    if len(key) > MAX_KEY_LENGTH:
        text = _("An Idempotency-Key has at most {count} characters.")
        raise ValidationError({HEADER: [str(text).format(count=MAX_KEY_LENGTH)]})
    kept, is_first = _begin(request, key)
    if not is_first:
        return _replay(kept)
    try:
        response = answer()
    except BaseException:
        kept.delete()
        raise
    headers = {name: response[name] for name in REPLAYED_HEADERS if name in response}
    answered = {"data": response.data, "headers": headers}
    IdempotentRequest.objects.filter(pk=kept.pk).update(answer=answered)
    return response


@transaction.atomic
def _begin(request: AuthenticatedRequest, key: str) -> tuple[IdempotentRequest, bool]:
    now = timezone.now()
    own = IdempotentRequest.objects.filter(user=request.user.pk)
    own.filter(_outdated(now)).delete()
    fingerprint = _fingerprint(request)
    kept, is_first = own.get_or_create(
        key=key, defaults={"user_id": request.user.pk, "fingerprint": fingerprint}
    )
    if kept.fingerprint != fingerprint:
        raise KeyReused
    return kept, is_first


def _outdated(now: datetime) -> Q:
    return Q(begun_at__lt=now - IdempotentRequest.LIFETIME) | Q(
        begun_at__lt=now - IN_PROGRESS_LIMIT, answer__isnull=True
    )


def _fingerprint(request: AuthenticatedRequest) -> str:
    asked = b"\n".join([str(request.method).encode(), request.path.encode(), request.body])
    return hashlib.sha256(asked).hexdigest()


def _replay(kept: IdempotentRequest) -> Response:
    if kept.answer is None:
        raise RequestInProgress
    headers = {**kept.answer["headers"], "Idempotent-Replayed": "true"}
    return Response(kept.answer["data"], status.HTTP_202_ACCEPTED, headers=headers)
