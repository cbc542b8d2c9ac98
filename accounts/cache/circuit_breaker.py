"""After one time-out nobody waits for Redis again for a few seconds."""

import time

from redis.exceptions import TimeoutError

OPEN_SECONDS = 3


class CircuitBreaker:
    """Shared by all threads of a process. Used in a `with`, it raises TimeoutError while open.

    A TimeoutError that leaves the context opens it.
    """

    def __init__(self) -> None:
        self.open_until = 0.0

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self.open_until

    def trip(self) -> None:
        self.open_until = time.monotonic() + OPEN_SECONDS

    def __enter__(self) -> None:
        if self.is_open:
            raise TimeoutError("Redis hung a moment ago.")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, TimeoutError):
            self.trip()
