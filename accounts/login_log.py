"""Logs every refused log-in, of the API and of the admin."""

from typing import Any

import structlog
from django.contrib.auth.signals import user_login_failed

from accounts.clients import client_of, pseudonym

logger = structlog.get_logger(__name__)


def log_refusal(request: Any, account: str, reason: str) -> None:
    client = "unknown" if request is None else client_of(request)
    logger.warning("log-in refused", reason=reason, client=client, account=pseudonym(account))


def _log_failure(credentials: dict[str, Any], request: Any = None, **_: Any) -> None:
    account = credentials.get("email") or credentials.get("username") or ""
    log_refusal(request, str(account), "wrong address or password")


user_login_failed.connect(_log_failure, dispatch_uid="accounts.login_log")
