"""Pages as a browser's network sees them: a few bytes of HTTP/1.1 over one connection each."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field


@dataclass
class Traffic:
    """Of all pages together. `latencies`: seconds from a commit to its event on the page."""

    requests: int = 0
    events: int = 0
    received: int = 0  # Bytes, of heads and bodies.
    wrong: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    committed: dict[int, float] = field(default_factory=dict)  # By meeting, when it was last.

    def note_event(self, meeting: int) -> None:
        self.events += 1
        at = self.committed.pop(meeting, None)
        if at is not None:
            self.latencies.append(time.monotonic() - at)


class Line:
    """A kept-alive connection."""

    def __init__(self, port: int, token: str, traffic: Traffic) -> None:
        self.port = port
        self.token = token
        self.traffic = traffic
        self.etags: dict[str, str] = {}

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    def close(self) -> None:
        self.writer.close()

    async def get(self, path: str) -> bytes:
        """The body. Asks again with the ETag that it got, as a browser does."""
        await self._send(path, self.etags.get(path, ""))
        status, head = await self._read_head()
        length = int(head.get("content-length", "0"))
        body = await self.reader.readexactly(length)
        self.traffic.received += length
        self.etags[path] = head.get("etag", "")
        if status not in (200, 304):
            self.traffic.wrong.append(f"{path}: {status}")
        return body

    async def stream(self, path: str) -> AsyncIterator[tuple[str, str]]:
        """Its events."""
        await self._send(path, "")
        status, _ = await self._read_head()
        if status != 200:
            self.traffic.wrong.append(f"{path}: {status}")
            return
        name = ""
        while line := await self.reader.readline():
            self.traffic.received += len(line)
            key, _, value = line.decode().rstrip("\r\n").partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                yield name, value

    async def _send(self, path: str, etag: str) -> None:
        self.traffic.requests += 1
        condition = f"If-None-Match: {etag}\r\n" if etag else ""
        self.writer.write(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {self.token}\r\n"
            f"{condition}\r\n".encode()
        )
        await self.writer.drain()

    async def _read_head(self) -> tuple[int, dict[str, str]]:
        text = await self.reader.readuntil(b"\r\n\r\n")
        self.traffic.received += len(text)
        first, *lines = text.decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines if line)
        return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}


@dataclass(frozen=True)
class Page:
    """The first of the meetings are under way."""

    token: str
    meetings: Sequence[int]
    active: Sequence[int]


async def follow_by_stream(page: Page, line: Line) -> None:
    known = ",".join(f"{pk}:" for pk in page.meetings)
    async for name, data in line.stream(f"/syncs/stream?known={known}"):
        if name == "sync":
            line.traffic.note_event(json.loads(data)["meeting_id"])


async def follow_by_syncs(page: Page, line: Line) -> None:
    revisions = dict.fromkeys(page.meetings, "")
    while True:
        known = ",".join(f"{pk}:{revision}" for pk, revision in revisions.items())
        body = await line.get(f"/syncs?known={known}")
        for sync in json.loads(body)["syncs"] if body else []:
            revisions[sync["meeting_id"]] = sync["revision"]
            line.traffic.note_event(sync["meeting_id"])
        await asyncio.sleep(2)


async def follow_by_documents(page: Page, line: Line) -> None:
    await _poll(page, line, "/meetings/{}/sync")


async def follow_by_status(page: Page, line: Line) -> None:
    await _poll(page, line, "/meetings/{}/sync_status")


async def _poll(page: Page, line: Line, path: str) -> None:
    """What is under way every two seconds, the others once a minute."""
    for pk in page.meetings:
        await line.get(path.format(pk))
    while True:
        await asyncio.sleep(2)
        for pk in page.active:
            await line.get(path.format(pk))
