"""Two thousand people start ten syncs each within a minute, which take many minutes to perform."""

import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import median, quantiles
from typing import NamedTuple

from django.db.models import F, Min
from django.utils import timezone

from benchmarks import rows
from benchmarks.procfs import cpu_seconds, megabytes
from benchmarks.results import Goal, print_table
from benchmarks.services import Services
from benchmarks.workers import ours
from crmsync.engine import hints
from crmsync.models import SyncRun
from meetings.models import Meeting

PEOPLE, EACH = 2_000, 10
START_SECONDS = 60
CRM_SECONDS = 0.3
THREADS, PROCESSES = 64, 2
SLOTS = 2  # Of each connection, unless SYNC_CONCURRENCY_PER_CONNECTION says otherwise.
PARTS = 5  # Of all syncs, measured one after the other.
MAX_GROWTH = 1.2  # From the second part to the last one; during the first, syncs still begin.
MAX_SPREAD = 2.0


class Part(NamedTuple):
    """What one part of all syncs took; CPU for each of its syncs."""

    syncs_per_second: float
    worker_ms: float
    dispatcher_ms: float
    worker_mb: float
    dispatcher_mb: float


def run(services: Services) -> list[Goal]:
    services.empty()
    meetings = _make_meetings()
    engine = ours.with_threads(THREADS, CRM_SECONDS, PROCESSES)
    with services.running(engine.commands, engine.environment, engine.is_ready) as processes:
        pids = {
            kind: [it.pid for name, it in processes.running.items() if name.startswith(kind)]
            for kind in ("worker", "dispatcher")
        }
        _start_all(meetings)
        parts = list(_measure(pids))
    heads = ("syncs/s", "workers' CPU ms/sync", "dispatcher's", "workers' MB", "dispatcher's MB")
    table = [(f"{number + 1} of {PARTS}", *part) for number, part in enumerate(parts)]
    print_table(f"{PEOPLE * EACH:,} syncs of {PEOPLE:,} people, by time", heads, table)
    return [*_growth(parts), *_fairness()]


def _make_meetings() -> list[Meeting]:
    """Those of a person one after the other."""
    users = rows.make_users(PEOPLE)
    rows.connect(users, "steady")
    meetings = rows.make_meetings(user for user in users for _ in range(EACH))
    rows.invite(meetings, lambda: ["ann@acme.example"])
    return meetings


def _start_all(meetings: Sequence[Meeting]) -> None:
    """Person by person, spread evenly over a minute."""
    began, a_second = time.monotonic(), EACH * (PEOPLE // START_SECONDS + 1)
    for second, start in enumerate(range(0, len(meetings), a_second)):
        time.sleep(max(0, began + second - time.monotonic()))
        _start(meetings[start : start + a_second])


def _start(meetings: Sequence[Meeting]) -> None:
    """As the API leaves them: of each person, as many are sent as there are slots."""
    now = timezone.now()
    sent, in_line = {"sent_at": now, "ready_since": now}, {"wait_reason": "other_syncs"}
    runs = SyncRun.objects.bulk_create(
        SyncRun(
            meeting=meeting,
            connection=meeting.user.connection,
            provider="steady",
            **(sent if number % EACH < SLOTS else in_line),
        )
        for number, meeting in enumerate(meetings)
    )
    hints.send_hints((run.pk, run.step) for run in runs if run.sent_at)


def _measure(pids: Mapping[str, Sequence[int]]) -> Iterator[Part]:
    done, at, spent = 0, time.monotonic(), {kind: cpu_seconds(pids[kind]) for kind in pids}
    for number in range(1, PARTS + 1):
        before = done
        while (done := _count_done()) < PEOPLE * EACH * number // PARTS:
            time.sleep(1)  # Counting costs the database some milliseconds.
        seconds, at = time.monotonic() - at, time.monotonic()
        used = {kind: cpu_seconds(pids[kind]) - spent[kind] for kind in pids}
        spent = {kind: spent[kind] + used[kind] for kind in pids}
        yield Part(
            (done - before) / seconds,
            1000 * used["worker"] / (done - before),
            1000 * used["dispatcher"] / (done - before),
            megabytes(pids["worker"]),
            megabytes(pids["dispatcher"]),
        )


def _count_done() -> int:
    return SyncRun.objects.filter(status="succeeded").count()


def _growth(parts: Sequence[Part]) -> Iterator[Goal]:
    second, last = parts[1], parts[-1]
    for name in ("worker_ms", "dispatcher_ms", "worker_mb", "dispatcher_mb"):
        ratio = getattr(last, name) / getattr(second, name)
        yield Goal(f"{name.replace('_', ' ')}: last part ÷ second", ratio, MAX_GROWTH)


def _fairness() -> Iterator[Goal]:
    """From the click to the end of a person's first sync."""
    runs = SyncRun.objects.order_by().values("connection")
    firsts = runs.annotate(took=Min(F("finished_at") - F("created_at")))
    seconds = [took.total_seconds() for took in firsts.values_list("took", flat=True)]
    slowest = quantiles(seconds, n=20)[-1]
    print_table(
        "A person's first sync",
        ("median s", "95 % s", "longest s"),
        [("from the click to its end", median(seconds), slowest, max(seconds))],
    )
    yield Goal("a person's first sync: 95 % ÷ median", slowest / median(seconds), MAX_SPREAD)
