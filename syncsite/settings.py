"""Settings, read from the environment. docs/settings.md explains each variable."""

from pathlib import Path

from corsheaders.defaults import default_headers

from syncsite import environment as env
from syncsite.api_settings import (
    NUM_PROXIES,
    REST_FRAMEWORK,  # noqa: F401
    SIMPLE_JWT,  # noqa: F401
    SPECTACULAR_SETTINGS,  # noqa: F401
    VERSION,  # noqa: F401
)
from syncsite.databases import configured, sqlite_url
from syncsite.local_keys import local_credentials_key, local_secret_key
from syncsite.logs import logging_config
from syncsite.redis_urls import embedded_socket, next_database, unix_url, with_timeouts

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / ".data"

DEBUG = env.flag("DEBUG", False)
IS_LOCAL = DEBUG or not env.text("DATABASE_URL")  # Not a service for others.
SECRET_KEY = env.text("SECRET_KEY") or local_secret_key(DATA_DIR)
SECRET_KEY_FALLBACKS = env.listed("SECRET_KEY_FALLBACKS")
CREDENTIALS_KEYS = env.listed("CREDENTIALS_KEYS") or [local_credentials_key(DATA_DIR)]
GENERATED_KEYS = [name for name in ("SECRET_KEY", "CREDENTIALS_KEYS") if not env.text(name)]

PUBLIC_URL = env.web_address("PUBLIC_URL", "http://localhost:8000")
ALLOWED_HOSTS_SET = bool(env.listed("ALLOWED_HOSTS"))
ALLOWED_HOSTS = env.listed("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
FRONTEND_ORIGINS = env.origins("FRONTEND_ORIGINS")
CORS_ALLOWED_ORIGINS = [*env.origins("CORS_ALLOWED_ORIGINS"), *FRONTEND_ORIGINS]
TRACING = ["traceparent", "tracestate", "baggage", "sentry-trace"]
ALLOWED_HEADERS = ["idempotency-key", "if-match", "if-none-match", "x-request-id"]
CORS_ALLOW_HEADERS = [*default_headers, *ALLOWED_HEADERS, *TRACING]
RATE_LIMITS = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
CORS_EXPOSE_HEADERS = [
    *RATE_LIMITS,
    "Content-Disposition",
    "Date",
    "ETag",
    "Idempotent-Replayed",
    "Retry-After",
    "X-Request-ID",
]

INSTALLED_APPS = [
    "syncsite.apps.SupportDeskConfig",  # django.contrib.admin with our start page.
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
# Every poll passes through all of it.
MIDDLEWARE = [
    "syncsite.logs.RequestIdMiddleware",
    "syncsite.response_headers.ResponseHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "syncsite.front.compression.GZipMiddleware",
    "syncsite.middleware.CorsMiddleware",
    "syncsite.middleware.LanguageMiddleware",
    "syncsite.middleware.CommonMiddleware",
    "syncsite.front.refusals.RefusedMiddleware",
    "syncsite.queries.QueryMiddleware",
    "crmsync.api.idempotency.IdempotencyMiddleware",
    "syncsite.middleware.AdminSessionMiddleware",
    "syncsite.middleware.AdminCsrfMiddleware",
    "syncsite.middleware.AdminAuthenticationMiddleware",
    "syncsite.middleware.AdminMessageMiddleware",
    "syncsite.middleware.AdminFrameOptionsMiddleware",
]
# These look for Django's middleware by name; ours are subclasses that skip the API.
SILENCED_SYSTEM_CHECKS = ["security.W002", "security.W003"]
ROOT_URLCONF = "syncsite.urls"
WSGI_APPLICATION = "syncsite.wsgi.application"  # For runserver; syncsite/asgi.py calls it, too.
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "DIRS": [BASE_DIR / "frontend"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": configured(env.database("DATABASE_URL", sqlite_url(DATA_DIR)))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

EMBEDDED_SOCKET = embedded_socket(DATA_DIR)
REDIS_URL = env.redis_address("REDIS_URL", unix_url(EMBEDDED_SOCKET))
CACHE_URL = env.redis_address("CACHE_URL", next_database(REDIS_URL))
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
RQ = {
    "COMMIT_MODE": "auto",  # crmsync enqueues after the commit itself, and tolerates a lost Redis.
    "JOB_CLASS": "crmsync.engine.allowed_job.AllowedJob",
}
RQ_SHOW_ADMIN_LINK = False  # Its pages are open to all staff; syncsite.urls admits superusers only.

SESSION_COOKIE_AGE = 12 * 3600  # Of staff; nobody else has sessions.
AUTH_USER_MODEL = "accounts.User"
MINIMUM_LENGTH = "django.contrib.auth.password_validation.MinimumLengthValidator"
PASSWORD_RESET_TIMEOUT = 3600
MIN_PASSWORD = 6  # Characters.
AUTH_PASSWORD_VALIDATORS = [{"NAME": MINIMUM_LENGTH, "OPTIONS": {"min_length": MIN_PASSWORD}}]

SYNC_RETRY_DELAYS = env.numbers("SYNC_RETRY_DELAYS", [10, 30, 120, 480, 1200])
SYNC_LEASE_SECONDS = env.number("SYNC_LEASE_SECONDS", 90, least=1)
SYNC_CONCURRENCY_PER_CONNECTION = env.whole_number("SYNC_CONCURRENCY_PER_CONNECTION", 2, least=1)
SYNC_THREADS_PER_WORKER = env.whole_number("SYNC_THREADS_PER_WORKER", 16, least=1)
CRM_CALL_SECONDS = 20
SYNC_STEP_SECONDS = env.number("SYNC_STEP_SECONDS", 300, least=1)
SANDBOX_ANSWER_SECONDS = (0.3, 1.5)
SANDBOX_FAULTS = env.flag("SANDBOX_FAULTS", IS_LOCAL)
ALLOW_PRIVATE_CRM_HOSTS = env.flag("ALLOW_PRIVATE_CRM_HOSTS", False)
HUBSPOT_API_URL = env.web_address("HUBSPOT_API_URL", "https://api.hubapi.com")
HUBSPOT_CLIENT_ID = env.text("HUBSPOT_CLIENT_ID")
HUBSPOT_CLIENT_SECRET = env.text("HUBSPOT_CLIENT_SECRET")
HUBSPOT_SCOPES = env.text("HUBSPOT_SCOPES") or (
    "oauth crm.objects.contacts.read crm.objects.contacts.write"
)
SALESFORCE_LOGIN_URL = env.web_address("SALESFORCE_LOGIN_URL", "https://login.salesforce.com")
SALESFORCE_CLIENT_ID = env.text("SALESFORCE_CLIENT_ID")
SALESFORCE_CLIENT_SECRET = env.text("SALESFORCE_CLIENT_SECRET")
METRICS_TOKEN = env.text("METRICS_TOKEN")
SENTRY_DSN = env.text("SENTRY_DSN")
SYNC_OUTAGE_HOURS = env.number("SYNC_OUTAGE_HOURS", 24, least=0)
SYNC_PROBE_SECONDS = 30.0  # Between two tries of a CRM that answers nobody.
STREAMS_PER_PROCESS = env.whole_number("STREAMS_PER_PROCESS", 5000)
SYNC_STALL_MINUTES = env.number("SYNC_STALL_MINUTES", 10, least=1)

vars().update(env.mail_server("EMAIL_URL"))
EMAIL_TIMEOUT = 10
SUPPORT_EMAILS = env.listed("SUPPORT_EMAILS")
ALERT_URLS = env.listed("ALERT_URLS")
DEFAULT_FROM_EMAIL = (SUPPORT_EMAILS or ["syncsite@localhost"])[0]
LOGGING = logging_config(env.level("LOG_LEVEL", "INFO"), env.flag("LOG_JSON", False))
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "syncsite" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "frontend"]
WHITENOISE_USE_FINDERS = True  # No collectstatic needed.

# One switch: with an https PUBLIC_URL the service answers over https only.
HTTPS = PUBLIC_URL.startswith("https://")
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if NUM_PROXIES else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
