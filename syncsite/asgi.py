"""The web process: an event loop in front of Django's WSGI handler.

The loop reads bodies and writes answers, so a client that is silent or does not read holds no
thread. What it refuses still passes through Django, which gives the answer its words and headers.
"""

from typing import Any

import syncsite.wsgi  # noqa: F401 - sets Django up, which the rest needs

# isort: split
from syncsite.front import bodies, downloads, streams
from syncsite.front.answers import Send, send_answer
from syncsite.front.environ import Environ, make_environ
from syncsite.front.refusals import RefusedError
from syncsite.front.threads import Answer, ask_django, refuse


async def application(scope: dict[str, Any], receive: bodies.Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    environ = make_environ(scope)
    if streams.is_stream(environ):
        await streams.serve(environ, receive, send)
        return
    try:
        if bodies.may_have_body(environ):
            answer = await _read_and_ask(environ, receive)
        else:
            answer = await ask_django(environ)
    except bodies.ClientGoneError:
        return
    if answer.stream is None:
        await send_answer(answer, environ, send)
    else:
        await downloads.serve(answer, answer.stream, environ, receive, send)


async def _read_and_ask(environ: Environ, receive: bodies.Receive) -> Answer:
    with bodies.kept() as parts:
        try:
            await bodies.read(environ, receive, parts)
        except RefusedError as refused:
            return await refuse(environ, refused.status)
        return await ask_django(environ)
