from rest_framework.exceptions import ValidationError

from accounts.authentication import AuthenticatedRequest, PollRequest
from accounts.serializers import UNKNOWN_TIME_ZONE, available_time_zones
from crmsync.status.reader import Reader


def reader_of(request: AuthenticatedRequest | PollRequest) -> Reader:
    """The caller. Their own time zone comes before that of the request. Raises ValidationError."""
    asked = request.GET.get("tz", "")
    if asked and asked not in available_time_zones():
        raise ValidationError({"tz": [UNKNOWN_TIME_ZONE]})
    return Reader(request.user.pk, request.user.time_zone or asked)
