"""Reports errors to Sentry; imported only if SENTRY_DSN is set."""

import sys
from typing import Any

import sentry_sdk
from django.conf import settings
from sentry_sdk.utils import BadDsn


def without_query(event: Any, hint: Any) -> Any:
    """A query may hold the code of a sign-in at a CRM, or what somebody searched for."""
    request = event.get("request", {})
    request.pop("query_string", None)
    request["url"] = request.get("url", "").partition("?")[0]
    return event


# Requests, local variables and breadcrumbs may hold passwords and tokens.
try:
    sentry_sdk.init(
        settings.SENTRY_DSN,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=without_query,
    )
except BadDsn:
    sys.exit("SENTRY_DSN must be an address as Sentry shows it. docs/settings.md explains it.")
