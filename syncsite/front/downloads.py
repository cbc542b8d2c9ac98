"""Sends answers that are made while they are sent.

A part is made when the client has taken the last, in a thread of its own: whoever polls does not
wait for it. A client that has left, or that does not read, ends it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from django.http import StreamingHttpResponse

from syncsite.front.answers import PART, SEND_SECONDS, Send, send_answer, start
from syncsite.front.bodies import Receive
from syncsite.front.environ import Environ
from syncsite.front.threads import Answer, Threads, refuse

MAX_DOWNLOADS = 4  # At a time, in a process.
MAX_SECONDS = 600

threads = Threads(1)
places = asyncio.Semaphore(MAX_DOWNLOADS)


async def serve(
    answer: Answer, response: StreamingHttpResponse, environ: Environ, receive: Receive, send: Send
) -> None:
    try:
        if places.locked():
            await send_answer(await refuse(environ, 503), environ, send)
            return
        async with places:
            await start(answer, send)
            await _send_until_gone(iter(response), receive, send)
    finally:
        await threads.run(response.close)


async def _send_until_gone(parts: Iterator[bytes], receive: Receive, send: Send) -> None:
    sending = asyncio.ensure_future(_send_all(parts, send))
    leaving = asyncio.ensure_future(_wait_until_gone(receive))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            await sending
    finally:
        for task in (sending, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _send_all(parts: Iterator[bytes], send: Send) -> None:
    with suppress(TimeoutError):  # The server closes the connection of an answer that is not whole.
        async with asyncio.timeout(MAX_SECONDS):
            while (made := await threads.run(next, parts, None)) is not None:
                for at in range(0, len(made), PART):
                    await _send_part(made[at : at + PART], send)
            await send({"type": "http.response.body", "body": b""})


async def _send_part(part: bytes, send: Send) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": part, "more_body": True})


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
