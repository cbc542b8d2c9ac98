"""Limits on requests that call a CRM. Each holds a thread, and may call an address of the caller's.

The threads are few, so one person's calls take only some of them.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from accounts.throttles import CountingThrottle

AT_ONCE = 2  # For each person, in each process.
RETRY_AFTER = 5  # Seconds.


class ConnectingThrottle(CountingThrottle):
    scope = "connecting"
    rate = "30/min"

    def identify(self, request: Request) -> str:
        return str(request.user.pk)


class CrmCalls:
    """Counts the requests that call a CRM now, by person."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.active: Counter[int] = Counter()

    @contextmanager
    def of(self, user_id: int) -> Iterator[None]:
        """Raises Throttled."""
        with self.lock:
            if self.active[user_id] >= AT_ONCE:
                raise Throttled(RETRY_AFTER)
            self.active[user_id] += 1
        try:
            yield
        finally:
            with self.lock:
                self.active[user_id] -= 1
                self.active += Counter()  # Drops those at zero.


crm_calls = CrmCalls()
