"""The threads in which Django answers.

Requests that call a CRM have threads of their own, so a slow CRM holds none of those that answer
polls.
"""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from django.http import FileResponse, StreamingHttpResponse

from syncsite.front.environ import SAFE_METHODS, Environ
from syncsite.front.refusals import REFUSED
from syncsite.wsgi import application

API_THREADS = 4
CRM_THREADS = 8
CRM_WAIT_SECONDS = 1
T = TypeVar("T")


class Answer(NamedTuple):
    """`stream`: a response whose parts are made while it is sent; then there is no `body`."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    stream: StreamingHttpResponse | None = None


class Threads:
    """With asyncio's own executor a poll would cost a tenth more."""

    def __init__(self, count: int) -> None:
        self.unstarted = count
        self.waiting: SimpleQueue[tuple[Callable[..., Any], Any, asyncio.Future[Any]]]
        self.waiting = SimpleQueue()

    async def answer(self, environ: Environ) -> Answer:
        return await self.run(_run_django, environ)

    async def run(self, work: Callable[..., T], *given: Any) -> T:
        if self.unstarted:  # Threads do not survive a fork, so none starts before it is needed.
            self.unstarted -= 1
            Thread(target=self._work, daemon=True).start()
        future = asyncio.get_running_loop().create_future()
        self.waiting.put((work, given, future))
        return await future

    def _work(self) -> None:
        while True:
            work, given, future = self.waiting.get()
            try:
                done = work(*given)
            except BaseException as error:
                _tell(future, future.set_exception, error)
            else:
                _tell(future, future.set_result, done)


def _tell(future: asyncio.Future[Answer], *outcome: Any) -> None:
    future.get_loop().call_soon_threadsafe(*outcome)


api_threads = Threads(API_THREADS)
crm_threads = Threads(CRM_THREADS)
crm_places = asyncio.Semaphore(CRM_THREADS)


async def ask_django(environ: Environ) -> Answer:
    if not _calls_crm(environ):
        return await api_threads.answer(environ)
    try:
        async with asyncio.timeout(CRM_WAIT_SECONDS):
            await crm_places.acquire()
    except TimeoutError:
        return await refuse(environ, 503)
    try:
        return await crm_threads.answer(environ)
    finally:
        crm_places.release()


async def refuse(environ: Environ, status: int) -> Answer:
    environ[REFUSED] = status
    environ["CONTENT_LENGTH"] = "0"
    return await api_threads.answer(environ)


def _calls_crm(environ: Environ) -> bool:
    path = environ["PATH_INFO"]
    is_read = path == "/connection" and environ["REQUEST_METHOD"] in SAFE_METHODS
    return path.startswith("/connection") and not is_read


def _run_django(environ: Environ) -> Answer:
    started: list[Any] = []
    response: Any = application(environ, lambda *args: started.extend(args))  # type: ignore[arg-type]
    status, headers = started[:2]
    lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
        return Answer(int(status[:3]), lines, b"", response)
    try:
        body = b"".join(response)
    finally:
        response.close()
    return Answer(int(status[:3]), lines, body)
