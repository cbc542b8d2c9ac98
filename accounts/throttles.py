"""Limits on password guessing and sign-ups, exact under concurrency.

DRF's own throttles read the history, then write it, so forty parallel requests all pass. Here one
atomic counter per identity and clock-aligned window decides. Without Redis nothing is limited.
"""

import hashlib
import math
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

TOO_MANY = "Too many in a short time. `Retry-After` says when to try again."


class CountingThrottle(SimpleRateThrottle):
    cache: Any
    num_requests: int
    duration: int

    def allow_request(self, request: Request, view: APIView) -> bool:
        self.now = self.timer()
        identified = self.identify(request).encode(errors="surrogatepass")
        identity = hashlib.sha256(identified).hexdigest()
        key = f"throttle:{self.scope}:{identity}:{int(self.now // self.duration)}"
        count = self.cache.incr(key, ignore_key_check=True)
        if count == 1:
            self.cache.touch(key, self.duration * 2)
        return count is None or count <= self.num_requests

    def wait(self) -> float:
        return math.ceil(self.duration - self.now % self.duration)

    def identify(self, request: Request) -> str:
        return self.get_ident(request) or "unknown"  # Behind a unix socket there is no address.


class AuthenticateAddressThrottle(CountingThrottle):
    scope = "authenticate_address"


class SignUpAddressThrottle(CountingThrottle):
    scope = "sign_up_address"


class AuthenticateEmailThrottle(CountingThrottle):
    scope = "authenticate_email"

    def identify(self, request: Request) -> str:
        data: Any = request.data
        email = data.get("email") if isinstance(data, dict) else None
        return str(email).strip().lower()
