"""API errors beyond DRF's own."""

import math

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException

from crmsync.errors import CrmError
from crmsync.models import Connection
from crmsync.status import moments
from crmsync.status.connecting import describe_refusal
from crmsync.status.error_messages import crm_name


class Unavailable(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = _("The database does not answer. Try again in a moment.")
    default_code = "unavailable"
    wait = 5  # Seconds; DRF sends it as Retry-After.


class NoStreams(Unavailable):
    default_detail = _("No stream can be opened here now. Poll /syncs instead.")
    default_code = "no_streams"


class NotConnected(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = _("Connect a CRM first.")
    default_code = "not_connected"


class NotBefore(APIException):
    """The CRM asked us to wait; `Retry-After` says how long."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = _("{crm} wants no requests now. Try again {when}.")
    default_code = "not_before"

    def __init__(self, connection: Connection, time_zone: str) -> None:
        now = timezone.now()
        at = connection.not_before or now
        self.wait = math.ceil((at - now).total_seconds())  # DRF's Retry-After.
        words = {"crm": crm_name(connection.provider), "when": moments.tell(at, now, time_zone)}
        super().__init__(str(self.default_detail).format_map(words))


class ConnectingRefused(APIException):
    """The CRM's refusal, with the catalogue's object as `error`."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "connecting_refused"

    def __init__(self, error: CrmError, provider: str, key: str) -> None:
        described = describe_refusal(error, provider)
        reasons = [described[name] for name in ("title", "message", "remedy")]
        super().__init__(f"{reasons[0]}. {reasons[1]} {reasons[2]}")
        self.extra = {key: reasons, "error": described}


class SignInRefused(APIException):
    """In the CRM's words, if it gave any."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = _("{crm} refused the sign-in.")
    default_code = "sign_in_refused"

    def __init__(self, provider: str, reason: str) -> None:
        refused = str(self.default_detail).format(crm=crm_name(provider))
        super().__init__(f"{refused} {reason}".strip())


class NothingToCancel(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = _("No sync of this meeting is under way.")
    default_code = "nothing_to_cancel"


class KeyReused(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = _("This Idempotency-Key belongs to another request.")
    default_code = "idempotency_key_reused"


class RequestInProgress(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = _("The first request with this Idempotency-Key is still at work.")
    default_code = "idempotency_key_in_use"
    wait = 1  # Second; DRF's Retry-After.
