"""`GET /syncs/stream`: what `/syncs` answers, as server-sent events.

A stream holds no thread. What it sends comes from `/syncs` itself, asked for the meetings that have
changed and with the revisions that the stream has sent, so a page that streams and one that
polls read the same.
"""

import asyncio
import json
import time
from collections.abc import Iterable
from datetime import datetime
from io import BytesIO
from urllib.parse import parse_qsl, urlencode

from crmsync.api.syncs import FOLLOWED, Followed, parse_known
from crmsync.status import watch
from crmsync.status.delivery import Document
from syncsite.front.answers import SEND_SECONDS, Send, send_answer
from syncsite.front.bodies import Receive
from syncsite.front.compression import MAY_COMPRESS
from syncsite.front.environ import Environ
from syncsite.front.hub import hub
from syncsite.front.threads import Answer, api_threads, refuse

PATH = "/syncs/stream"
KEEP_ALIVE_SECONDS = 15
RETRY_SECONDS = 2  # After an answer that says nothing of the meetings.
PAUSE_SECONDS = 0.02  # Between two looks, so that changes come together.
KEPT_HEADERS = (b"vary", b"content-language", b"x-request-id", b"access-control-")
OF_THE_STREAM = {"HTTP_IF_NONE_MATCH", MAY_COMPRESS}  # Not of what it asks.
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
Seen = tuple[str, int, int, float]  # Revision, versions of meeting and connection, valid until.


def is_stream(environ: Environ) -> bool:
    return environ["PATH_INFO"] == PATH and environ["REQUEST_METHOD"] == "GET"


async def serve(environ: Environ, receive: Receive, send: Send) -> None:
    """Ends when the client is gone, the token ends, or the service stops."""
    asked = {key: value for key, value in environ.items() if key not in OF_THE_STREAM}
    asked["PATH_INFO"] = "/syncs"
    answer, followed = await _ask(asked)
    if followed is None:
        await send_answer(answer, environ, send)
        return
    if not hub.has_room_for(followed.user_id):
        await send_answer(await refuse(environ, 503), environ, send)
        return
    stream = Stream(asked, followed, json.loads(answer.body)["gone"])
    hub.add(stream)
    leaving = asyncio.ensure_future(_wait_until_gone(receive, stream))
    try:
        await stream.run(answer, send)
    except TimeoutError:
        return  # The client does not read.
    finally:
        leaving.cancel()
        hub.remove(stream)


async def _ask(environ: Environ) -> tuple[Answer, Followed | None]:
    asked = {**environ, "wsgi.input": BytesIO()}
    answer = await api_threads.answer(asked)
    return answer, asked.get(FOLLOWED) if answer.status == 200 else None


async def _wait_until_gone(receive: Receive, stream: "Stream") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.stop(is_gone=True)


class Stream:
    def __init__(self, environ: Environ, followed: Followed, gone: list[int]) -> None:
        self.environ = environ
        self.user_id = followed.user_id
        self.token_key, self.token_id = followed.token_key, followed.token_id
        self.ends_at = followed.ends_at
        self.first = (followed.documents, gone)
        self.seen: dict[int, Seen] = dict.fromkeys(followed.documents, ("", 0, 0, 0.0))
        # What changed before the subscription shows when all are looked at once more.
        self.dirty: set[int] = set(followed.documents)
        self.must_check_token = False
        self.terms: watch.Terms | None = None
        self.is_stopping = self.is_gone = False
        self.woken = asyncio.Event()

    def meetings(self) -> Iterable[int]:
        return self.first[0] if not self.seen else self.seen

    def notice(self, meeting_ids: Iterable[int]) -> None:
        self.dirty.update(meeting_ids)
        self.woken.set()

    def check_token(self) -> None:
        self.must_check_token = True
        self.woken.set()

    def stop(self, *, is_gone: bool = False) -> None:
        self.is_stopping, self.is_gone = True, self.is_gone or is_gone
        self.woken.set()

    def compare(self, rows: watch.Rows) -> None:
        connection = rows.connections.get(self.user_id, 0)
        changed = [
            pk
            for pk, (_, version, of_connection, _) in self.seen.items()
            if connection != of_connection
            or (rows.meetings is not None and rows.meetings.get(pk) != version)
        ]
        if changed:
            self.notice(changed)
        if rows.tokens.get(self.user_id) != self.token_key or self.token_id in rows.ended:
            self.check_token()
        self._compare_terms(rows.terms.get(self.user_id))

    def _compare_terms(self, terms: watch.Terms | None) -> None:
        if self.terms not in (None, terms):
            self.notice(self.seen)
        self.terms = terms

    async def run(self, answer: Answer, send: Send) -> None:
        self.line = Line(send)
        kept = [line for line in answer.headers if line[0].startswith(KEPT_HEADERS)]
        await send({"type": "http.response.start", "status": 200, "headers": [*kept, *HEADERS]})
        await self._tell_first()
        while await self._go_on():
            pass
        if not self.is_gone:
            await self.line.write(b"event: bye\ndata: {}\n\n", more=False)

    async def _tell_first(self) -> None:
        documents, gone = self.first
        await self._tell(documents, gone, _known(self.environ["QUERY_STRING"]))
        self.first = ({}, [])

    async def _go_on(self) -> bool:
        """Waits for something to do, and does it. False at the end."""
        if not self.dirty and not self.must_check_token:
            await self._wait()
        if self.is_stopping or time.time() >= self.ends_at:
            return False
        self.woken.clear()
        await self.line.keep_alive()
        due = [pk for pk, seen in self.seen.items() if seen[3] and seen[3] <= time.time()]
        asked, self.dirty = (self.dirty | {*due}) & {*self.seen}, set()
        return not (asked or self.must_check_token) or await self._look(asked)

    async def _wait(self) -> None:
        moments = [seen[3] for seen in self.seen.values() if seen[3]]
        until = min([self.ends_at, *moments]) - time.time()
        try:
            async with asyncio.timeout(max(0.0, min(until, self.line.quiet_for))):
                await self.woken.wait()
        except TimeoutError:
            return

    async def _look(self, asked: Iterable[int]) -> bool:
        """Whether the token still counts."""
        self.must_check_token = False
        names = ",".join(f"{pk}:{self.seen[pk][0]}" for pk in asked)
        query = "&".join([f"known={names}", *_further(self.environ["QUERY_STRING"])])
        answer, followed = await _ask({**self.environ, "QUERY_STRING": query})
        if 400 <= answer.status < 500:
            return False
        if followed is None:  # The database is away, say.
            await asyncio.sleep(RETRY_SECONDS)
            self.dirty.update(asked)
            self.must_check_token = True
            return True
        revisions = {pk: seen[0] for pk, seen in self.seen.items()}
        gone = [pk for pk in asked if pk not in followed.documents]
        await self._tell(followed.documents, gone, revisions)
        await asyncio.sleep(PAUSE_SECONDS)
        return True

    async def _tell(
        self, documents: dict[int, Document], gone: Iterable[int], known: dict[int, str]
    ) -> None:
        events = [
            f"event: sync\ndata: {document.body}\n\n"
            for pk, document in documents.items()
            if document.revision != known.get(pk)
        ]
        lost = list(gone)
        events += [f"event: gone\ndata: {json.dumps(lost)}\n\n"] if lost else []
        for pk, document in documents.items():
            self.seen[pk] = _seen(document)
        for pk in lost:
            self.seen.pop(pk, None)
        if events:
            await self.line.write("".join(events).encode())


class Line:
    """To the client. It says something at least every KEEP_ALIVE_SECONDS."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.written_at = time.monotonic()

    @property
    def quiet_for(self) -> float:
        """The seconds that it may still be quiet."""
        return self.written_at + KEEP_ALIVE_SECONDS - time.monotonic()

    async def keep_alive(self) -> None:
        if self.quiet_for <= 0:
            await self.write(b": still here\n\n")

    async def write(self, text: bytes, *, more: bool = True) -> None:
        """Raises TimeoutError if the client does not read."""
        async with asyncio.timeout(SEND_SECONDS):
            await self.send({"type": "http.response.body", "body": text, "more_body": more})
        self.written_at = time.monotonic()


def _known(query: str) -> dict[int, str]:
    """What the caller has; `/syncs` has checked it."""
    asked = dict(parse_qsl(query)).get("known", "")
    return {known.meeting_id: known.revision for known in parse_known(asked)}


def _further(query: str) -> list[str]:
    """The other parameters."""
    others = [(name, value) for name, value in parse_qsl(query) if name != "known"]
    return [urlencode(others)] if others else []


def _seen(document: Document) -> Seen:
    until = document.valid_until
    moment = datetime.fromisoformat(until).timestamp() if until else 0.0
    meeting, connection = document.versions
    return document.revision, meeting, connection, moment
