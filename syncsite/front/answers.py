"""Sends answers. A client that does not read is let go."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from syncsite.front.environ import Environ
from syncsite.front.memory import memory
from syncsite.front.refusals import RefusedError
from syncsite.front.threads import Answer, refuse

SEND_SECONDS = 30
PART = 64 * 1024  # Bytes. A smaller answer is the server's to send, in one piece.

Send = Callable[[dict[str, Any]], Awaitable[None]]


async def send_answer(answer: Answer, environ: Environ, send: Send) -> None:
    if len(answer.body) <= PART:
        await start(answer, send)
        await send({"type": "http.response.body", "body": answer.body})
        return
    try:
        memory.take(len(answer.body))
    except RefusedError as refused:
        await send_answer(await refuse(environ, refused.status), environ, send)
        return
    try:
        await start(answer, send)
        await _send_in_parts(answer.body, send)
    finally:
        memory.give_back(len(answer.body))


async def start(answer: Answer, send: Send) -> None:
    start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
    await send(start)


async def _send_in_parts(body: bytes, send: Send) -> None:
    """Servers wait with each part until the client has read most of the ones before."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            for start in range(0, len(body), PART):
                part, has_more = body[start : start + PART], start + PART < len(body)
                await send({"type": "http.response.body", "body": part, "more_body": has_more})
    except TimeoutError:
        return  # The server closes the connection of an answer that is not whole.
