"""JSON calls to a CRM: hard time-outs, no redirects, no surprise that is not a CrmError."""

import json
import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from django.conf import settings

from crmsync.errors import CrmError
from crmsync.providers.base import Session
from crmsync.providers.guard import ForbiddenAddressError, GuardedTransport

CONNECT_SECONDS = 5
LARGEST_BODY = 10 * 1024 * 1024  # Bytes; a page of a CRM's records has far fewer.
QUOTED = 500  # Characters of an answer that staff get to read.

PRINTABLE = re.compile(r"[!-~]+( [!-~]+)*")

CODES = {
    401: "connection_expired",
    403: "permission_missing",
    423: "record_locked",
    429: "crm_rate_limited",
}


class CrmClient:
    """One step's calls to one CRM. `headers` may hold a token: no error and no log quotes them."""

    def __init__(self, base_url: str, headers: dict[str, str], session: Session) -> None:
        if not all(PRINTABLE.fullmatch(value) for value in headers.values()):
            raise CrmError("connection_expired", "The credentials have characters that none have.")
        self.session = session
        url = _checked(base_url)
        self.transport = GuardedTransport(secure=url.scheme == "https")
        self.http = session.resources.enter_context(
            httpx.Client(
                base_url=url,
                headers=headers,
                transport=self.transport,
                timeout=httpx.Timeout(settings.CRM_CALL_SECONDS, connect=CONNECT_SECONDS),
                trust_env=False,
            )
        )

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of the answer. Raises CrmError; see `error_of` for answers of 300 and above.

        `path` is one of the CRM's own address: what it names elsewhere is not called.
        """
        if "://" in path:
            raise CrmError("unexpected_error", "The CRM named an address that is not its own.")
        self.session.before_call()
        self.transport.finish_within(settings.CRM_CALL_SECONDS)
        try:
            with self.http.stream(method, path, **options) as response:
                body = _read(response)
        except ForbiddenAddressError as error:
            raise CrmError("connection_expired", str(error)) from error
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError) as error:
            raise CrmError("unexpected_error", type(error).__name__) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise CrmError("crm_unavailable", _kind(error)) from error
        except httpx.TimeoutException as error:
            raise CrmError("crm_timeout", _kind(error), outcome_unknown=True) from error
        except httpx.HTTPError as error:
            raise CrmError("crm_unavailable", _kind(error), outcome_unknown=True) from error
        if not response.is_success:
            raise error_of(response, body)
        return _parse(response, body)


def _checked(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
        host = url.host
    except (httpx.InvalidURL, UnicodeError) as error:
        raise CrmError("connection_expired", "The address of the CRM is malformed.") from error
    if not (url.scheme == "https" or settings.ALLOW_PRIVATE_CRM_HOSTS) or not host:
        raise CrmError("connection_expired", "The address of a CRM starts with https://.")
    return url


def error_of(response: httpx.Response, body: bytes) -> CrmError:
    """What an answer that is no success means where the CRM gives no better reason."""
    status = response.status_code
    code = CODES.get(status, "crm_unavailable" if status >= 500 else "unexpected_error")
    return CrmError(
        code,
        body[:QUOTED].decode(errors="replace"),
        http_status=status,
        retry_after=retry_after(response.headers.get("Retry-After", "")),
        outcome_unknown=status >= 500,
    )


def retry_after(text: str) -> float | None:
    """Seconds from now, of a Retry-After in seconds or as a date; None where it says nothing."""
    try:
        seconds = float(text)
    except ValueError:
        return _seconds_until(text)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _read(response: httpx.Response) -> bytes:
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise CrmError(
                "unexpected_error", "A gigantic answer.", http_status=response.status_code
            )
    return body


def _parse(response: httpx.Response, body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CrmError(
            "unexpected_error",
            f"No JSON: {body[:QUOTED].decode(errors='replace')}",
            http_status=response.status_code,
            outcome_unknown=True,
        ) from error


def _kind(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
