"""The settings of DRF, of its tokens and of the OpenAPI schema."""

import tomllib
from datetime import timedelta
from pathlib import Path

from syncsite import environment as env

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
VERSION: str = tomllib.loads(PYPROJECT.read_text())["project"]["version"]
NUM_PROXIES = env.whole_number("NUM_PROXIES", 0)
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(hours=env.number("JWT_LIFETIME_HOURS", 24, least=0.01)),
    "AUTH_TOKEN_CLASSES": ["accounts.tokens.AccessToken"],
    "LEEWAY": 10,  # Seconds by which the clocks of our machines may differ.
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "syncsite.negotiation.ContentNegotiation",
    "URL_FORMAT_OVERRIDE": None,  # A `?format=` that DRF does not know would be a 404.
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["syncsite.parsers.NestedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttles.UserThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "user": env.rate("THROTTLE_USER", "600/min"),
        "authenticate_email": env.rate("THROTTLE_AUTHENTICATE_EMAIL", "10/min"),
        "authenticate_address": env.rate("THROTTLE_AUTHENTICATE_ADDRESS", "60/min"),
        "sign_up_address": env.rate("THROTTLE_SIGN_UP_ADDRESS", "30/min"),
    },
    "DEFAULT_METADATA_CLASS": None,  # DRF's answer to OPTIONS would be wrong; the schema is right.
    "EXCEPTION_HANDLER": "syncsite.errors.exception_handler",
    "NUM_PROXIES": NUM_PROXIES,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "syncsite",
    "DESCRIPTION": "Puts meetings into the CRM and says honestly where each one stands.",
    "VERSION": VERSION,
    "PATH_CONVERTER_OVERRIDES": {"big_id": int},
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "ENUM_NAME_OVERRIDES": {
        "SyncStep": "meetings.models.SyncStep.choices",
        "MeetingStatus": "meetings.models.MeetingStatus.choices",
        "SyncState": "crmsync.status.serializers.STATES",
        "ProviderName": "crmsync.status.serializers.PROVIDER_NAMES",
        "ActionName": "crmsync.status.serializers.ACTION_NAMES",
        "ErrorCode": "crmsync.status.serializers.ERROR_CODES",
        "ConnectionState": "crmsync.status.serializers.CONNECTION_STATES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "syncsite.openapi.errors.document_errors",
        "syncsite.openapi.examples.document_examples",
        "syncsite.openapi.pages.document_pages",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
