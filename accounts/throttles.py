"""Limits on guessing passwords, on signing up and on requests of one person.

DRF's own throttles read the history, then write it, so forty parallel requests all pass. Here one
atomic counter per identity and clock-aligned window decides. Guesses are counted per account and
client together, so that nobody can lock somebody else out, and per client.
"""

import hashlib
import math
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts import addresses
from accounts.cache import request_counts
from accounts.clients import client_of
from accounts.login_log import log_refusal

TOO_MANY = "`throttled`: too many in a short time. `Retry-After` says when to try again."


class CountingThrottle(SimpleRateThrottle):
    num_requests: int
    duration: int
    remaining: int

    def allow_request(self, request: Any, view: Any = None) -> bool:
        self.now = self.timer()
        identity = hashlib.sha256(self.identify(request).encode(errors="surrogatepass")).hexdigest()
        key = f"throttle:{self.scope}:{identity}:{int(self.now // self.duration)}"
        count = request_counts.count(key, self.duration * 2)
        self.remaining = max(0, self.num_requests - count)
        return count <= self.num_requests

    def wait(self) -> float:
        return math.ceil(self.duration - self.now % self.duration)

    def identify(self, request: Any) -> str:
        return client_of(request)


class UserThrottle(CountingThrottle):
    """Everything that a person does but polling."""

    scope = "user"

    def allow_request(self, request: Request, view: Any = None) -> bool:
        if not request.user.is_authenticated:
            return True
        is_allowed = super().allow_request(request)
        view.headers |= {
            "RateLimit-Limit": str(self.num_requests),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.wait()),
        }
        return is_allowed

    def identify(self, request: Request) -> str:
        return str(request.user.pk)


class ExportThrottle(CountingThrottle):
    scope = "export"
    rate = "10/hour"

    def identify(self, request: Request) -> str:
        return str(request.user.pk)


class SignUpAddressThrottle(CountingThrottle):
    scope = "sign_up_address"


class GuessingThrottle(CountingThrottle):
    """Says in the log whom it refused."""

    def allow_request(self, request: Any, view: Any = None) -> bool:
        is_allowed = super().allow_request(request)
        if not is_allowed:
            log_refusal(request, account_of(request), f"too many: {self.scope}")
        return is_allowed


class AuthenticateAddressThrottle(GuessingThrottle):
    scope = "authenticate_address"


class AuthenticateEmailThrottle(GuessingThrottle):
    scope = "authenticate_email"

    def allow_request(self, request: Any, view: Any = None) -> bool:
        return not account_of(request) or super().allow_request(request)

    def identify(self, request: Any) -> str:
        return f"{account_of(request)} {client_of(request)}"


GUESSING = (AuthenticateAddressThrottle, AuthenticateEmailThrottle)


def account_of(request: Any) -> str:
    """The e-mail address whose password is tried: the one in the body, or the caller's own."""
    data: Any = request.data if isinstance(request, Request) else request.POST
    named = data if isinstance(data, dict) else {}
    if "current_password" in named and request.user.is_authenticated:
        return str(request.user.email)
    return addresses.normalize(str(named.get("email") or named.get("username") or ""))
