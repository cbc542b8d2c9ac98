"""JSON calls to a CRM: hard time-outs, no redirects, no error but CrmError."""

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from django.conf import settings

from crmsync.errors import CrmError
from crmsync.providers.base import Session
from crmsync.providers.ssrf import ForbiddenAddressError, GuardedTransport, UnknownHostError

CONNECT_SECONDS = 5
MAX_BODY = 10 * 1024 * 1024  # Bytes; far more than a page of CRM records.
MAX_QUOTED = 500  # Characters of an answer that staff can read.

RATE_LIMIT_HEADERS = re.compile(r"rate-?limit|limit-info", re.IGNORECASE)
PRINTABLE = re.compile(r"[!-~]+( [!-~]+)*")

CODES = {
    401: "connection_expired",
    403: "permission_missing",
    423: "record_locked",
    429: "crm_rate_limited",
}


@dataclass(frozen=True)
class Answer:
    """`data` is the JSON, or None; `text` is the beginning of the body, for staff."""

    status: int
    data: Any
    text: str
    headers: httpx.Headers

    @property
    def limits(self) -> list[str]:
        """The CRM's rate limit headers, as lines of text."""
        return [
            f"{name}: {value}"
            for name, value in self.headers.items()
            if RATE_LIMIT_HEADERS.search(name)
        ]


class CrmClient:
    """One step's calls to one CRM. No error and no log line quotes the token.

    `explain` turns an answer with a status of 300 or above into a CrmError; see `error_of`.
    """

    def __init__(
        self,
        base_url: str,
        session: Session,
        token: str | None = None,
        explain: "Callable[[Answer], CrmError] | None" = None,
    ) -> None:
        self.session = session
        self.explain = explain or error_of
        self.token = None if token is None else _sendable(token)
        self.refresh = session.refresh
        url = _checked(base_url)
        self.host = url.netloc.decode().rpartition("@")[2]
        self.transport = GuardedTransport(secure=url.scheme == "https")
        self.http = session.resources.enter_context(
            httpx.Client(
                base_url=url,
                auth=httpx.Auth(),  # Only our credentials, not those that an address may carry.
                headers={"Accept-Encoding": "identity"},
                transport=self.transport,
                timeout=httpx.Timeout(settings.CRM_CALL_SECONDS, connect=CONNECT_SECONDS),
                trust_env=False,
            )
        )

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of the answer. Raises CrmError."""
        return self.ask(method, path, **options).data

    def ask(self, method: str, path: str, **options: Any) -> Answer:
        """A successful answer. Raises CrmError.

        `path` is relative to the CRM's address; no other host is called.
        """
        if "://" in path:
            raise CrmError("unexpected_error", "The CRM named an address that is not its own.")
        answer = self._send(method, path, **options)
        if answer.status == 401 and self.token and self.refresh:
            # A 401 here just means the token must be refreshed.
            self.token, self.refresh = _sendable(self.refresh(self.token)), None
            answer = self._send(method, path, **options)
        if not 200 <= answer.status < 300:
            raise self.explain(answer)
        if answer.data is None and answer.text not in ("", "null"):
            raise _no_json(answer)
        return answer

    def _send(self, method: str, path: str, **options: Any) -> Answer:
        self.session.before_call()
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        self.transport.finish_within(settings.CRM_CALL_SECONDS)
        try:
            with self.http.stream(method, path, headers=headers, **options) as response:
                body = self._without_token(_read(response))
        except ForbiddenAddressError as error:
            raise CrmError("wrong_address", str(error)) from error
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError) as error:
            raise CrmError("unexpected_error", type(error).__name__) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise CrmError("crm_unavailable", _kind_of(error)) from error
        except httpx.TimeoutException as error:
            raise CrmError("crm_timeout", _kind_of(error), outcome_unknown=True) from error
        except httpx.HTTPError as error:
            raise CrmError("crm_unavailable", _kind_of(error), outcome_unknown=True) from error
        return _answer(response, body)

    def _without_token(self, body: bytes) -> bytes:
        return body.replace(self.token.encode(), b"...") if self.token else body


@contextmanager
def checking_address() -> Iterator[None]:
    """Around the first call to an address that a person typed: what answers may be no CRM."""
    try:
        yield
    except CrmError as error:
        is_unknown = isinstance(error.__cause__, UnknownHostError)
        if not is_unknown and error.code != "unexpected_error":
            raise
        raise CrmError("wrong_address", error.message, http_status=error.http_status) from error


def _sendable(token: str) -> str:
    if not PRINTABLE.fullmatch(token):
        raise CrmError("connection_expired", "The token has characters that none has.")
    return token


def _checked(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
        host = url.host
        if url.port not in (None, *range(1, 65_536)):
            raise httpx.InvalidURL(f"There is no port {url.port}.")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise CrmError("wrong_address", "The address of the CRM is malformed.") from error
    if not (url.scheme == "https" or settings.ALLOW_PRIVATE_CRM_HOSTS) or not host:
        raise CrmError("wrong_address", "The address of a CRM starts with https://.")
    return url


def error_of(answer: Answer, code: str = "", **details: Any) -> CrmError:
    """The CrmError for an unsuccessful answer; `code` overrides the one of its status."""
    fallback = "crm_unavailable" if answer.status >= 500 else "unexpected_error"
    if answer.status == 403 and answer.data is None:  # Some server in between refused.
        code = code or "crm_unavailable"
    if 300 < answer.status < 400:  # A CRM does not move during a call; this is another server.
        fallback = "wrong_address"
    wait = retry_after(answer.headers.get("Retry-After", ""))
    return CrmError(
        code or CODES.get(answer.status, fallback),
        "\n".join([answer.text, *answer.limits]),
        http_status=answer.status,
        outcome_unknown=answer.status >= 500,
        **{"retry_after": wait, **details},
    )


def retry_after(text: str) -> float | None:
    """Seconds from now for a Retry-After in seconds or as a date; None if it has neither."""
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
    """Compressed bodies are refused: a few bytes could expand without limit."""
    packing = response.headers.get("Content-Encoding", "identity")
    if packing.lower() != "identity":
        return f"Packed unasked: {packing}".encode()
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MAX_BODY:
            raise CrmError(
                "unexpected_error", "A gigantic answer.", http_status=response.status_code
            )
    return body


def _answer(response: httpx.Response, body: bytes) -> Answer:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    text = body.strip()[:MAX_QUOTED].decode(errors="replace")
    return Answer(response.status_code, data, text, response.headers)


def _no_json(answer: Answer) -> CrmError:
    return CrmError(
        "unexpected_error",
        f"No JSON: {answer.text}",
        http_status=answer.status,
        outcome_unknown=True,
    )


def _kind_of(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
