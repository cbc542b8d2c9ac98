"""Logs: one line per event on stderr, for people or (LOG_JSON) for machines, with a request id."""

import os
import re
from collections.abc import Callable
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse

REQUEST_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)


def _without_request(logger: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Django attaches the request, whose text has the query: it may hold a CRM's code."""
    event.pop("request", None)
    return event


PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    _without_request,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _configure_structlog() -> None:
    """Lets structlog's loggers pass their keys to the standard library's handlers."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logging_config(level: str, as_json: bool) -> dict[str, Any]:
    _configure_structlog()
    # By default both renderers print local variables, and with them passwords and tokens.
    if as_json:
        rendering: list[Any] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    else:
        plain = structlog.dev.plain_traceback
        rendering = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": PROCESSORS,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *rendering,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        # A poll is not worth a line at INFO; httpx would log every call with its URL.
        "loggers": {"httpx": {"level": "WARNING"}, "django.server": {"level": "WARNING"}},
    }


class RequestIdMiddleware:
    """Takes the caller's X-Request-ID or makes one, binds it to the logs, returns it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if given and REQUEST_ID.fullmatch(given) else os.urandom(16).hex()
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self.get_response(request)
        finally:
            structlog.contextvars.reset_contextvars(**bound)
        response["X-Request-ID"] = request_id
        return response
