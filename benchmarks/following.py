#!/usr/bin/env python
"""What it costs to keep open pages informed: by a stream, by /syncs, row by row, and at FastAPI.

    pip install --group benchmarks
    python benchmarks/following.py

A page shows 50 meetings, of which 5 are under way and change every ten seconds. Then many idle
streams are opened in one process. Ends with 1 if a goal is missed or an answer is wrong.
"""

import argparse
import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

import cli
from django.db import transaction
from django.utils import timezone

from accounts.tokens import AccessToken
from benchmarks import rows
from benchmarks.pages import client
from benchmarks.pages.client import Line, Page, Traffic
from benchmarks.polls.candidates import CANDIDATES
from benchmarks.polls.rounds import COPIES_DATABASE
from benchmarks.polls.rows import Polled, write_copies
from benchmarks.procfs import cpu_seconds, megabytes
from benchmarks.results import Goal, print_goals, print_table
from benchmarks.services import Services, http_status
from crmsync.models import SyncRun
from meetings import transitions
from syncsite.tests.processes import free_port

MEETINGS, ACTIVE = 50, 5  # Of a page.
CHANGE_SECONDS = 10
SETTLE_SECONDS = 3
Follow = Callable[[Page, Line], Awaitable[None]]


@dataclass(frozen=True)
class Way:
    command: str
    follow: Follow


WAYS = {
    "stream": Way(CANDIDATES["ours"].command, client.follow_by_stream),
    "/syncs every 2 s": Way(CANDIDATES["ours"].command, client.follow_by_syncs),
    "each document": Way(CANDIDATES["ours"].command, client.follow_by_documents),
    "each status": Way(CANDIDATES["ours"].command, client.follow_by_status),
    "each status, FastAPI": Way(CANDIDATES["FastAPI"].command, client.follow_by_status),
}


def main(options: argparse.Namespace, services: Services) -> bool:
    pages = _make_pages(options.pages, services)
    taken = {name: _measure(way, pages, options.seconds, services) for name, way in WAYS.items()}
    heads = ["CPU ms a minute", "kB a minute", "requests a minute", "p50 ms to the page"]
    print_table(
        f"One page of {MEETINGS}, {ACTIVE} under way; {options.pages} pages, one process",
        heads,
        [(name, *(figures[head] for head in heads)) for name, figures in taken.items()],
    )
    idle = _measure_idle(options.streams, options.seconds, services)
    title = f"{options.streams} idle streams in one process"
    print_table(title, list(idle), [("", *idle.values())])
    stream, fast = taken["stream"], taken["each status, FastAPI"]
    return print_goals(
        [
            Goal("CPU of a stream beside FastAPI's polls", stream[heads[0]] / fast[heads[0]], 0.1),
            Goal("memory of a stream", idle["kB a stream"], 80, "kB"),
            Goal("CPU of idle streams", idle["% of a core"], 1, "%"),
            Goal("commit to page, p50", stream[heads[3]], 100, "ms"),
        ]
    )


def _make_pages(count: int, services: Services) -> list[Page]:
    users = rows.make_users(count)
    rows.connect(users, "sandbox")
    meetings = rows.make_meetings(user for user in users for _ in range(MEETINGS))
    owned = [meetings[n : n + MEETINGS] for n in range(0, len(meetings), MEETINGS)]
    now = timezone.now()
    SyncRun.objects.bulk_create(
        SyncRun(
            meeting=meeting,
            connection=user.connection,
            provider="sandbox",
            status=SyncRun.Status.RUNNING,
            due_at=now + timedelta(hours=6),
            started_at=now,
        )
        for user, own in zip(users, owned, strict=True)
        for meeting in own[:ACTIVE]
    )
    tokens = [AccessToken.for_user(user) for user in users]
    write_copies(
        services.redis(COPIES_DATABASE),
        [
            Polled(meeting.pk, meeting.user_id, str(token), token.key, None)
            for token, own in zip(tokens, owned, strict=True)
            for meeting in own
        ],
    )
    ids = [[meeting.pk for meeting in own] for own in owned]
    return [Page(str(t), own, own[:ACTIVE]) for t, own in zip(tokens, ids, strict=True)]


def _measure(way: Way, pages: Sequence[Page], seconds: int, services: Services) -> dict[str, float]:
    port, traffic = free_port(), Traffic()
    with services.running(
        {"web": way.command}, _variables(port, services), lambda: http_status(port, "/") > 0
    ) as processes:
        services.redis(1).flushdb()
        pid = processes.running["web"].pid
        ending = threading.Event()
        changing = threading.Thread(target=_change, args=(pages, traffic, ending))
        lines = [Line(port, page.token, traffic) for page in pages]
        used = asyncio.run(
            _follow(way.follow, pages, lines, pid=pid, seconds=seconds, changing=changing)
        )
        ending.set()
        changing.join()
    if traffic.wrong:
        raise SystemExit(f"Wrong answers: {traffic.wrong[:3]}")
    minutes = len(pages) * seconds / 60
    latency = median(traffic.latencies) if traffic.latencies else 0.0
    return {
        "CPU ms a minute": 1000 * used[0] / minutes,
        "kB a minute": used[1] / minutes / 1000,
        "requests a minute": used[2] / minutes,
        "p50 ms to the page": 1000 * latency,
    }


async def _follow(
    follow: Follow,
    pages: Sequence[Page],
    lines: Sequence[Line],
    *,
    pid: int,
    seconds: int,
    changing: threading.Thread,
) -> tuple[float, int, int]:
    """CPU seconds, bytes and requests, once all pages are open."""
    traffic = lines[0].traffic
    for line in lines:
        await line.open()
    tasks = [
        asyncio.ensure_future(follow(page, line)) for page, line in zip(pages, lines, strict=True)
    ]
    await asyncio.sleep(SETTLE_SECONDS)
    changing.start()
    before = cpu_seconds([pid]), traffic.received, traffic.requests
    await asyncio.sleep(seconds)
    after = cpu_seconds([pid]), traffic.received, traffic.requests
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for line in lines:
        line.close()
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


def _change(pages: Sequence[Page], traffic: Traffic, ending: threading.Event) -> None:
    """Each meeting under way takes another try, at its turn, every CHANGE_SECONDS."""
    active = [pk for page in pages for pk in page.active]
    while True:
        for pk in active:
            if ending.wait(CHANGE_SECONDS / len(active)):
                return
            with transaction.atomic():
                SyncRun.objects.filter(meeting=pk).update(step_started_at=timezone.now())
                transitions.touch(pk)
            traffic.committed[pk] = time.monotonic()


def _measure_idle(count: int, seconds: int, services: Services) -> dict[str, float]:
    users = rows.make_users(max(1, count // 10))
    meetings = rows.make_meetings(user for user in users for _ in range(10))[:count]
    tokens = {user.pk: str(AccessToken.for_user(user)) for user in users}
    pages = [Page(tokens[meeting.user_id], [meeting.pk], []) for meeting in meetings]
    port = free_port()
    with services.running(
        {"web": CANDIDATES["ours"].command},
        _variables(port, services),
        lambda: http_status(port, "/") > 0,
    ) as processes:
        pid = processes.running["web"].pid
        return asyncio.run(_idle(pages, port, seconds, pid))


async def _idle(pages: Sequence[Page], port: int, seconds: int, pid: int) -> dict[str, float]:
    traffic = Traffic()
    empty = megabytes([pid])
    lines = []
    for page in pages:
        line = Line(port, page.token, traffic)
        await line.open()
        task = asyncio.ensure_future(client.follow_by_stream(page, line))
        lines.append((line, task))
    while traffic.events < len(pages):  # Each begins with what it has not seen.
        await asyncio.sleep(0.1)
    await asyncio.sleep(SETTLE_SECONDS)
    full, before = megabytes([pid]), cpu_seconds([pid])
    await asyncio.sleep(seconds)
    used = cpu_seconds([pid]) - before
    for line, task in lines:
        task.cancel()
        line.close()
    if traffic.wrong:
        raise SystemExit(f"Wrong answers: {traffic.wrong[:3]}")
    return {
        "kB a stream": 1000 * (full - empty) / len(pages),
        "% of a core": 100 * used / seconds,
    }


def _variables(port: int, services: Services) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "syncsite.settings",
        "COPIES_URL": services.redis_url(COPIES_DATABASE),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "STREAMS_PER_PROCESS": "20000",
    }


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--pages", type=int, default=20, metavar="N")
    parser.add_argument("--streams", type=int, default=5000, metavar="N", help="idle ones")
    parser.add_argument("--seconds", type=int, default=30, metavar="N", help="of each measurement")
    cli.run(main, parser.parse_args())
