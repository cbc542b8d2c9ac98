"""Errors go to Sentry where SENTRY_DSN names one; elsewhere this is never imported."""

import sentry_sdk
from django.conf import settings

# What a request, a local variable or a breadcrumb holds may be a password or a token.
sentry_sdk.init(
    settings.SENTRY_DSN,
    send_default_pii=False,
    include_local_variables=False,
    max_request_body_size="never",
    max_breadcrumbs=0,
)
