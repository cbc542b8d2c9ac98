"""Reports errors to Sentry; imported only if SENTRY_DSN is set."""

import sentry_sdk
from django.conf import settings

# Requests, local variables and breadcrumbs may hold passwords and tokens.
sentry_sdk.init(
    settings.SENTRY_DSN,
    send_default_pii=False,
    include_local_variables=False,
    max_request_body_size="never",
    max_breadcrumbs=0,
)
