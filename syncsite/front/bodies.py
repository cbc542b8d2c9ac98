"""Reads the bodies of requests in the event loop, whether or not their length was declared."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from syncsite.front.environ import SAFE_METHODS, Environ
from syncsite.front.memory import memory
from syncsite.front.refusals import RefusedError

MAX_BODY = 1024 * 1024  # Bytes.
BODY_SECONDS = 10

Receive = Callable[[], Awaitable[dict[str, Any]]]


class ClientGoneError(Exception):
    pass


def may_have_body(environ: Environ) -> bool:
    return environ["REQUEST_METHOD"] not in SAFE_METHODS or "CONTENT_LENGTH" in environ


@contextmanager
def kept() -> Iterator[list[bytes]]:
    """The parts of a body, which count as memory until it is answered."""
    parts: list[bytes] = []
    try:
        yield parts
    finally:
        memory.give_back(sum(map(len, parts)))


async def read(environ: Environ, receive: Receive, parts: list[bytes]) -> None:
    """Raises RefusedError and ClientGoneError."""
    if int(environ.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        raise RefusedError(413)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            await _collect(receive, parts)
    except TimeoutError as error:
        raise RefusedError(408) from error
    body = b"".join(parts)
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))


async def _collect(receive: Receive, parts: list[bytes]) -> None:
    size = 0
    has_more = True
    while has_more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise RefusedError(413)
        memory.take(len(part))
        parts.append(part)
        has_more = message.get("more_body", False)
