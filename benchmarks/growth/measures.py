"""What people and machines ask of syncsite, each as one call that says how much came."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from io import StringIO

from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone

from benchmarks.growth.rows import RARE
from benchmarks.growth.subject import PERSON, Subject
from crmsync import dispatcher
from crmsync.incidents import incidents
from crmsync.operations import retention

RUNS = "/admin/crmsync/syncrun/"
MEETINGS = "/admin/meetings/meeting/"


@dataclass(frozen=True)
class Measure:
    """`call` returns how many rows, bytes or the like it got; nothing would be an error."""

    what: str
    call: Callable[[], int]
    before: Callable[[], object] = int


def measures(subject: Subject) -> Iterator[Measure]:
    yield from _owners_list(subject)
    yield from _polls(subject)
    yield from _sync_list(subject)
    yield from _meeting_list(subject)
    yield from _support_desk(subject)
    yield from _machines(subject)


def _owners_list(subject: Subject) -> Iterator[Measure]:
    queries = {
        "page 1": "page=1",
        "page 1000": f"page={subject.size.last_page}",
        "?state=failed": "state=failed",
        "?search=": f"search={RARE}",
    }
    for what, query in queries.items():
        yield Measure(f"GET /meetings, {what}", partial(subject.meetings, query))


def _polls(subject: Subject) -> Iterator[Measure]:
    for action in ("sync_status", "sync"):
        call = partial(subject.poll, action)
        yield Measure(f"poll {action}, cold", call, before=cache.clear)
        yield Measure(f"poll {action}, warm", call)


def _sync_list(subject: Subject) -> Iterator[Measure]:
    queries = {
        "plain": "",
        "page 45": f"p={min(45, subject.size.meetings // 50)}",
        "state=failed": "state=failed",
        "state=retrying": "state=retrying",
        "error=record_rejected": "error=record_rejected",
        "provider=bottlecrm": "provider=bottlecrm",
        "age=day": "age=day",
        "q=e-mail": f"q=person-{PERSON}@",
        "q=rare title": f"q={RARE}",
        "q=frequent title": "q=weekly",
        "q=reference": f"q={subject.run.reference}",
        "q=id": f"q={subject.run.meeting_id}",
    }
    for what, query in queries.items():
        yield Measure(f"admin syncs, {what}", partial(subject.listed, f"{RUNS}?{query}"))


def _meeting_list(subject: Subject) -> Iterator[Measure]:
    filters = ("failed", "in_progress", "never", "synced")
    queries = {"plain": "", **{name: f"sync={name}" for name in filters}}
    for what, query in {**queries, "q=rare title": f"q={RARE}"}.items():
        yield Measure(f"admin meetings, {what}", partial(subject.listed, f"{MEETINGS}?{query}"))


def _support_desk(subject: Subject) -> Iterator[Measure]:
    pages = {
        "admin start page": "/admin/",
        "case file": f"{RUNS}{subject.run.pk}/change/",
        "case file of the big owner": f"{RUNS}{subject.run_of_owner.pk}/change/",
    }
    for what, path in pages.items():
        yield Measure(what, partial(subject.page, path))


def _machines(subject: Subject) -> Iterator[Measure]:
    yield Measure("/metrics", subject.metrics)
    yield Measure("sweep", lambda: 1 + dispatcher.sweep())
    yield Measure("review of incidents", _review)
    yield Measure("requeue_syncs --failed --dry-run", _dry_run)
    yield Measure("prune: count_old", _count_old)


def _review() -> int:
    incidents.review(timezone.now())
    return 1


def _dry_run() -> int:
    return len(call_command("requeue_syncs", failed=True, dry_run=True, stdout=StringIO()))


def _count_old() -> int:
    return retention.count_old(timezone.now() - timedelta(days=89))
