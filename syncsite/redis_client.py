"""The cache's Redis client: a server that hangs costs one short wait, not one per command."""

import os
import threading
from functools import cached_property
from typing import Any
from weakref import WeakSet

import redis
from redis.client import Pipeline

from accounts.cache.circuit_breaker import CircuitBreaker

SHORT_TIMEOUT_SECONDS = 0.03  # A healthy server answers in a hundredth of that.
READS = {"GET", "MGET"}


class CircuitBreakerPool(redis.ConnectionPool):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.breaker = CircuitBreaker()

    @cached_property
    def short_timeout_client(self) -> redis.Redis:
        timeouts = dict.fromkeys(
            ("socket_timeout", "socket_connect_timeout"), SHORT_TIMEOUT_SECONDS
        )
        kwargs = {**self.connection_kwargs, **timeouts}
        return redis.Redis(
            connection_pool=redis.ConnectionPool(connection_class=self.connection_class, **kwargs)
        )


class CircuitBreakerRedis(redis.Redis):
    """While the breaker is open, reads and SET NX fail at once.

    Other writes are tried with a short time-out. Skipping the one that invalidates a copy would let
    that copy live on, should the server recover a moment later.
    """

    connection_pool: CircuitBreakerPool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._thread = threading.local()
        _clients.add(self)

    def mget(self, keys: Any, *args: Any) -> Any:
        """What polls read, on the thread's own connection: a pool costs as much as the read.

        Raises RedisError.
        """
        with self.connection_pool.breaker:
            return self._ask("MGET", *keys)

    def _ask(self, *command: str) -> Any:
        connection = self._thread_connection()
        try:
            return _exchange(connection, command)
        except redis.ConnectionError:  # The server was restarted since the last read.
            return _exchange(connection, command)

    def _thread_connection(self) -> redis.Connection:
        mine = self._thread
        if not hasattr(mine, "connection"):
            pool = self.connection_pool
            mine.connection = pool.connection_class(**pool.connection_kwargs)
        return mine.connection

    def execute_command(self, *args: Any, **options: Any) -> Any:
        pool = self.connection_pool
        if pool.breaker.is_open and args[0] not in READS and "NX" not in args:
            return pool.short_timeout_client.execute_command(*args, **options)
        with pool.breaker:
            return super().execute_command(*args, **options)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        pool = self.connection_pool
        return CircuitBreakerPipeline(pool, self.response_callbacks, transaction, shard_hint)


class CircuitBreakerPipeline(Pipeline):
    """Commands sent together; while the breaker is open they have a short time-out."""

    connection_pool: Any

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        pool = self.connection_pool
        if pool.breaker.is_open:
            self.connection_pool = pool.short_timeout_client.connection_pool
            return super().execute(raise_on_error)
        with pool.breaker:
            return super().execute(raise_on_error)


_clients: WeakSet[CircuitBreakerRedis] = WeakSet()


def _forget_connections() -> None:
    """A fork inherits its parent's."""
    for client in _clients:
        client._thread = threading.local()


os.register_at_fork(after_in_child=_forget_connections)


def _exchange(connection: redis.Connection, command: tuple[str, ...]) -> Any:
    try:
        connection.send_command(*command)
        return connection.read_response()
    except BaseException:  # A late answer must not be taken for the next one's.
        connection.disconnect()
        raise
