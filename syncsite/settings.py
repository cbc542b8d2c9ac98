"""Settings, read from the environment. README.md explains each variable."""

import os
from datetime import timedelta
from pathlib import Path

from corsheaders.defaults import default_headers
from cryptography.fernet import Fernet
from django.core.management.utils import get_random_secret_key
from environ import Env

from syncsite.local_keys import local_key
from syncsite.logs import logging_config
from syncsite.redis_urls import embedded_socket, next_database, unix_url, with_timeouts

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / ".data"
env = Env()


def listed(name: str) -> list[str]:
    return [item.strip() for item in env.list(name, default=[])]


DEBUG = env.bool("DEBUG", False)
# Read directly: environ would take a value that starts with $ for the name of another variable.
SECRET_KEY = os.environ.get("SECRET_KEY") or local_key(
    DATA_DIR / "secret_key", get_random_secret_key
)
CREDENTIALS_KEYS = listed("CREDENTIALS_KEYS") or [
    local_key(DATA_DIR / "credentials_key", lambda: Fernet.generate_key().decode())
]
GENERATED_KEYS = [name for name in ("SECRET_KEY", "CREDENTIALS_KEYS") if not os.environ.get(name)]

PUBLIC_URL = env.str("PUBLIC_URL", "http://localhost:8000").rstrip("/")
ALLOWED_HOSTS = listed("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = listed("CSRF_TRUSTED_ORIGINS")
CORS_ALLOWED_ORIGINS = listed("CORS_ALLOWED_ORIGINS")
CORS_ALLOW_HEADERS = [*default_headers, "idempotency-key", "if-none-match", "x-request-id"]
CORS_EXPOSE_HEADERS = ["ETag", "Idempotent-Replayed", "Retry-After", "X-Request-ID"]
NUM_PROXIES = env.int("NUM_PROXIES", 0)

INSTALLED_APPS = [
    "syncsite.apps.SupportDeskConfig",  # django.contrib.admin, with our start page.
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_rq",
    "accounts",
    "meetings",
    "crmsync",
    "syncsite",
]
# A poll passes all of it, so it is as little as can be.
MIDDLEWARE = [
    "syncsite.logs.RequestIdMiddleware",
    "syncsite.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "syncsite.middleware.CorsMiddleware",
    "syncsite.middleware.BodyMiddleware",
    "syncsite.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "syncsite.middleware.AdminMiddleware",
]
# These look for two middleware by their names; AdminMiddleware holds both.
SILENCED_SYSTEM_CHECKS = ["security.W002", "security.W003"]
ROOT_URLCONF = "syncsite.urls"
WSGI_APPLICATION = "syncsite.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": env.db_url("DATABASE_URL", f"sqlite:///{DATA_DIR / 'syncsite.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Deferred transactions lose to "database is locked" as soon as two processes write.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    # A database that is slow must not collect requests, and a process that is frozen within a
    # transaction must not keep its locks for as long as others wait. Migrations may take longer.
    limits = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=3s"
    # To compile a plan (jit) takes longer than any of ours runs.
    options = {"connect_timeout": 5, "options": f"{limits} -c jit=off"}
    DATABASES["default"]["OPTIONS"] = {**options, **DATABASES["default"].get("OPTIONS", {})}
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

EMBEDDED_SOCKET = embedded_socket(DATA_DIR)
REDIS_URL = env.str("REDIS_URL", unix_url(EMBEDDED_SOCKET))
CACHE_URL = env.str("CACHE_URL", next_database(REDIS_URL))
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": with_timeouts(CACHE_URL, 0.2),
        "OPTIONS": {
            "CONNECTION_POOL_CLASS": "syncsite.redis_client.CircuitBreakerPool",
            "REDIS_CLIENT_CLASS": "syncsite.redis_client.CircuitBreakerRedis",
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            "IGNORE_EXCEPTIONS": True,
        },
    }
}
RQ_QUEUES = {
    "crmsync": {
        "URL": with_timeouts(REDIS_URL, 0.4),
        "SERIALIZER": "rq.serializers.JSONSerializer",
        "DEFAULT_TIMEOUT": 600,
    }
}
RQ = {"COMMIT_MODE": "auto"}  # crmsync sends after the commit itself, and survives a missing Redis.
RQ_SHOW_ADMIN_LINK = False  # Its own pages are open to all staff; syncsite.urls lets superusers in.

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 6},
    }
]
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(hours=env.float("JWT_LIFETIME_HOURS", 24)),
    "CHECK_REVOKE_TOKEN": True,
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "syncsite.negotiation.ContentNegotiation",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["syncsite.parsers.NestedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {
        "authenticate_email": env.str("THROTTLE_AUTHENTICATE_EMAIL", "10/min"),
        "authenticate_address": env.str("THROTTLE_AUTHENTICATE_ADDRESS", "60/min"),
        "sign_up_address": env.str("THROTTLE_SIGN_UP_ADDRESS", "30/min"),
    },
    "DEFAULT_METADATA_CLASS": None,  # What OPTIONS would say is not so; the schema is.
    "EXCEPTION_HANDLER": "syncsite.errors.exception_handler",
    "NUM_PROXIES": NUM_PROXIES,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "syncsite",
    "DESCRIPTION": "Puts meetings into the CRM and says honestly where each one stands.",
    "VERSION": "",  # The view names it.
    "PATH_CONVERTER_OVERRIDES": {"big_id": int},
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "ENUM_NAME_OVERRIDES": {
        "SyncStep": "meetings.models.SyncStep.choices",
        "SyncState": "crmsync.status.serializers.STATES",
        "ErrorCode": "crmsync.status.serializers.ERROR_CODES",
        "ConnectionState": "crmsync.status.serializers.CONNECTION_STATES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "syncsite.openapi.document_errors",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

SYNC_RETRY_DELAYS = env.list("SYNC_RETRY_DELAYS", cast=float, default=[10, 30, 120, 480, 1200])
SYNC_LEASE_SECONDS = env.float("SYNC_LEASE_SECONDS", 90)
SYNC_CONCURRENCY_PER_CONNECTION = env.int("SYNC_CONCURRENCY_PER_CONNECTION", 2)
SYNC_THREADS_PER_WORKER = env.int("SYNC_THREADS_PER_WORKER", 16)
CRM_CALL_SECONDS = 20
SANDBOX_ANSWER_SECONDS = (0.3, 1.5)
ALLOW_PRIVATE_CRM_HOSTS = env.bool("ALLOW_PRIVATE_CRM_HOSTS", False)
HUBSPOT_API_URL = env.str("HUBSPOT_API_URL", "https://api.hubapi.com").rstrip("/")
HUBSPOT_CLIENT_ID = env.str("HUBSPOT_CLIENT_ID", "")
HUBSPOT_CLIENT_SECRET = os.environ.get("HUBSPOT_CLIENT_SECRET", "")
SALESFORCE_LOGIN_URL = env.str("SALESFORCE_LOGIN_URL", "https://login.salesforce.com").rstrip("/")
SALESFORCE_CLIENT_ID = env.str("SALESFORCE_CLIENT_ID", "")
SALESFORCE_CLIENT_SECRET = os.environ.get("SALESFORCE_CLIENT_SECRET", "")
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
SENTRY_DSN = os.environ.get("SENTRY_DSN", "")
SYNC_STALL_MINUTES = env.float("SYNC_STALL_MINUTES", 10)

vars().update(env.email_url("EMAIL_URL", "consolemail://"))
EMAIL_TIMEOUT = 10
SUPPORT_EMAILS = listed("SUPPORT_EMAILS")
ALERT_URLS = listed("ALERT_URLS")
DEFAULT_FROM_EMAIL = (SUPPORT_EMAILS or ["syncsite@localhost"])[0]
LOGGING = logging_config(env.str("LOG_LEVEL", "INFO"), env.bool("LOG_JSON", False))
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "syncsite" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # No collectstatic step to forget.

# One switch: a service whose public address is https answers over https only.
HTTPS = PUBLIC_URL.startswith("https://")
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if NUM_PROXIES else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
