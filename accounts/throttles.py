"""Limits on guessing passwords and on making accounts, exact under concurrency.

DRF's own throttles read the history, then write it: forty parallel requests all find room. Here one
atomic counter per identity and clock-aligned window decides. Without Redis nothing is limited.
"""

import hashlib
import math
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView


class CountingThrottle(SimpleRateThrottle):
    num_requests: int
    duration: int

    def allow_request(self, request: Request, view: APIView) -> bool:
        self.now = self.timer()
        identity = hashlib.sha256(self.identify(request).encode()).hexdigest()
        key = f"throttle:{self.scope}:{identity}:{int(self.now // self.duration)}"
        self.cache.add(key, 0, self.duration * 2)
        count = self.cache.incr(key)
        return count is None or count <= self.num_requests

    def wait(self) -> float:
        return math.ceil(self.duration - self.now % self.duration)

    def identify(self, request: Request) -> str:
        return self.get_ident(request)


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
