"""The cache's Redis client: a server that hangs costs one short wait, not one for every command."""

import os
import threading
import time
from functools import cached_property
from typing import Any

import redis

OPEN_SECONDS = 3  # So long after a time-out the server counts as hanging.
SHORT_TIMEOUT_SECONDS = 0.03  # A server that is well answers in a hundredth of that.
READS = {"GET", "MGET"}


class CircuitBreakerPool(redis.ConnectionPool):
    """Remembers, for all threads of the process, when the server last let one wait in vain."""

    hangs_until = 0.0

    @property
    def hangs(self) -> bool:
        return time.monotonic() < self.hangs_until

    def note_hang(self) -> None:
        self.hangs_until = time.monotonic() + OPEN_SECONDS

    @cached_property
    def hurried(self) -> redis.Redis:
        timeouts = {
            "socket_timeout": SHORT_TIMEOUT_SECONDS,
            "socket_connect_timeout": SHORT_TIMEOUT_SECONDS,
        }
        kwargs = {**self.connection_kwargs, **timeouts}
        return redis.Redis(
            connection_pool=redis.ConnectionPool(connection_class=self.connection_class, **kwargs)
        )


class CircuitBreakerRedis(redis.Redis):
    """While the server hangs, reads and offers (SET NX) fail at once: the cache is left alone.

    Other writes are tried in a hurry: leaving out the one that marks a copy as outdated would let
    the copy live on, should the server be well again a moment later.
    """

    connection_pool: CircuitBreakerPool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own = threading.local()

    def mget(self, keys: Any, *args: Any) -> Any:
        """What polls read, on a connection of the thread's own: a pool costs as much as the read.

        Raises RedisError.
        """
        if self.connection_pool.hangs:
            raise redis.TimeoutError("Redis hung a moment ago.")
        try:
            return self._ask("MGET", *keys)
        except redis.TimeoutError:
            self.connection_pool.note_hang()
            raise

    def _ask(self, *command: str) -> Any:
        connection = self._own_connection()
        try:
            return _exchange(connection, command)
        except redis.ConnectionError:  # The server was restarted since the last read.
            return _exchange(connection, command)

    def _own_connection(self) -> redis.Connection:
        own = self._own
        if getattr(own, "pid", None) != os.getpid():  # A fork inherits the other one's.
            pool = self.connection_pool
            own.connection = pool.connection_class(**pool.connection_kwargs)
            own.pid = os.getpid()
        return own.connection

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if self.connection_pool.hangs:
            if args[0] in READS or "NX" in args:
                raise redis.TimeoutError("Redis hung a moment ago.")
            return self.connection_pool.hurried.execute_command(*args, **options)
        try:
            return super().execute_command(*args, **options)
        except redis.TimeoutError:
            self.connection_pool.note_hang()
            raise


def _exchange(connection: redis.Connection, command: tuple[str, ...]) -> Any:
    try:
        connection.send_command(*command)
        return connection.read_response()
    except BaseException:  # An answer that comes later must not be taken for that of the next.
        connection.disconnect()
        raise
