"""Headers and parameters of the query, as the schema describes them."""

from drf_spectacular.utils import OpenApiParameter

SHOWING_A_DOCUMENT = [200, 202, 304]
IF_MATCH = OpenApiParameter(
    "If-Match", location="header", description="The ETag of the meeting as you know it."
)
IF_NONE_MATCH = OpenApiParameter("If-None-Match", location="header", description="An ETag.")
POLLING_HEADERS = [
    OpenApiParameter(
        "ETag",
        location="header",
        response=SHOWING_A_DOCUMENT,
        description="Identifies the state, and the language and time zone of the answer.",
    ),
    OpenApiParameter(
        "Retry-After",
        int,
        "header",
        response=SHOWING_A_DOCUMENT,
        description="`poll_after`, in seconds.",
    ),
]
TIME_ZONE = OpenApiParameter(
    "tz", description="A time zone such as Europe/Berlin, for a caller who has set none at `/me`."
)
