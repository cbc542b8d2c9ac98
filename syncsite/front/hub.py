"""Tells the streams of this process what has changed.

One subscription to Redis for all of them. Messages may be lost, so every COMPARE_SECONDS the rows
are compared with what the streams have sent, in a few statements for all, and the rows of people
twice as often. While Redis is away that happens more often.
"""

import asyncio
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import redis.asyncio
import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from accounts.cache.versioned import CHANGES
from crmsync.status import watch

logger = structlog.get_logger(__name__)

COMPARE_SECONDS_WITHOUT_REDIS = 5
COMPARE_SECONDS = 30
TICK_SECONDS = 1
MAX_STREAMS_OF_A_PERSON = 10


class Follower(Protocol):
    user_id: int

    def meetings(self) -> Iterable[int]: ...

    def notice(self, meeting_ids: Iterable[int]) -> None: ...

    def compare(self, rows: watch.Rows) -> None: ...

    def check_token(self) -> None: ...

    def stop(self) -> None: ...


class Hub:
    def __init__(self) -> None:
        self.followers: dict[Follower, list[str]] = {}  # With the keys of what each follows.
        self.by_key: defaultdict[str, set[Follower]] = defaultdict(set)
        self.of_person: Counter[int] = Counter()
        self.tasks: list[asyncio.Task[None]] = []
        self.hears = False  # Whether the subscription is alive.
        self.is_stopping = False

    def has_room_for(self, user_id: int) -> bool:
        if self.is_stopping or self.of_person[user_id] >= MAX_STREAMS_OF_A_PERSON:
            return False
        return len(self.followers) < settings.STREAMS_PER_PROCESS

    def add(self, follower: Follower) -> None:
        if not self.tasks:
            self._start()
        self.followers[follower] = _keys_of(follower)
        self.of_person[follower.user_id] += 1
        for key in self.followers[follower]:
            self.by_key[key].add(follower)

    def remove(self, follower: Follower) -> None:
        for key in self.followers.pop(follower):
            self.by_key[key].discard(follower)
            if not self.by_key[key]:
                del self.by_key[key]
        self.of_person[follower.user_id] -= 1
        if not self.of_person[follower.user_id]:
            del self.of_person[follower.user_id]

    def announce(self, key: str) -> None:
        kind, _, number = key.partition(":")
        for follower in list(self.by_key.get(key, ())):
            if kind == "meeting":
                follower.notice([int(number)])
            elif kind == "connection":
                follower.notice(follower.meetings())
            else:
                follower.check_token()
                follower.notice(follower.meetings())  # Their language may be another.

    def stop(self) -> None:
        self.is_stopping = True
        for follower in list(self.followers):
            follower.stop()

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self.tasks = [loop.create_task(_for_ever(one)) for one in (self._hear, self._compare)]
        _before_stop(loop, self.stop)

    async def _hear(self) -> None:
        self.hears = False
        client = redis.asyncio.from_url(
            settings.CACHE_URL, health_check_interval=5, socket_connect_timeout=1, socket_timeout=5
        )
        async with client, client.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(CHANGES)
            self.hears = True
            await self._look_at_rows()  # For what changed while nobody listened.
            while True:
                message = await subscription.get_message(timeout=1)
                if message is not None:
                    self.announce(message["data"].decode())

    async def _compare(self) -> None:
        compared_at = time.monotonic()
        only_people = True
        while True:
            await asyncio.sleep(TICK_SECONDS)
            waited = time.monotonic() - compared_at
            if waited < (COMPARE_SECONDS / 2 if self.hears else COMPARE_SECONDS_WITHOUT_REDIS):
                continue
            compared_at = time.monotonic()
            await self._look_at_rows(only_people=only_people and self.hears)
            only_people = not only_people

    async def _look_at_rows(self, *, only_people: bool = False) -> None:
        followers = list(self.followers)
        meetings = {pk for follower in followers for pk in follower.meetings()}
        people = sorted({follower.user_id for follower in followers})
        if not people:
            return
        try:
            rows = await asyncio.to_thread(watch.read, None if only_people else meetings, people)
        except DatabaseError as error:
            logger.warning("streams not compared", error=str(error))
            return
        for follower in followers:
            follower.compare(rows)
            await asyncio.sleep(0)  # Others want to be served, too.


async def _for_ever(work: Callable[[], Awaitable[None]]) -> None:
    """Whatever happens to it, it goes on: all streams depend on it."""
    while True:
        try:
            await work()
        except (RedisError, OSError):
            pass
        except Exception:
            logger.exception("streams not served")
        await asyncio.sleep(TICK_SECONDS)


def _keys_of(follower: Follower) -> list[str]:
    own = [f"connection:{follower.user_id}", f"user:{follower.user_id}"]
    return [*own, *(f"meeting:{pk}" for pk in follower.meetings())]


def _before_stop(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """Runs `stop` before the server's own handler, which waits for open streams for ever.

    granian's belongs to the loop, uvicorn's to the process.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(RuntimeError, ValueError, NotImplementedError):
            of_loop: Any = getattr(loop, "_signal_handlers", {}).get(number)
            if of_loop is not None:
                loop.add_signal_handler(number, _both, stop, of_loop._run)
                continue
            of_process = signal.getsignal(number)
            if callable(of_process):
                signal.signal(number, partial(_then, loop, stop, of_process))


def _both(first: Callable[[], None], then: Callable[[], None]) -> None:
    first()
    then()


def _then(
    loop: asyncio.AbstractEventLoop,
    stop: Callable[[], None],
    before: Callable[..., Any],
    *received: Any,
) -> None:
    loop.call_soon_threadsafe(stop)
    before(*received)


hub = Hub()
