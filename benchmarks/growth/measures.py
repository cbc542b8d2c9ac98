"""What people and machines ask of syncsite, each as one call that says how much came."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from io import StringIO

from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone

from benchmarks.growth.database import RARE
from benchmarks.growth.requests import PERSON, Requests
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


def measures(requests: Requests) -> Iterator[Measure]:
    for name, query in _owners_queries(requests).items():
        yield Measure(f"GET /meetings, {name}", partial(requests.meetings, query))
    for action in ("sync_status", "sync"):
        call = partial(requests.poll, action)
        yield Measure(f"poll {action}, cold", call, before=cache.clear)
        yield Measure(f"poll {action}, warm", call)
    for name, query in _sync_queries(requests).items():
        yield Measure(f"admin syncs, {name}", partial(requests.rows, f"{RUNS}?{query}"))
    for query in ("", "sync=failed", "sync=in_progress", "sync=never", "sync=synced", f"q={RARE}"):
        yield Measure(f"admin meetings, {query}", partial(requests.rows, f"{MEETINGS}?{query}"))
    for name, path in _pages(requests).items():
        yield Measure(name, partial(requests.page, path))
    for name, work in MACHINES.items():
        yield Measure(name, work)


def _owners_queries(requests: Requests) -> dict[str, str]:
    return {
        "page 1": "page=1",
        "page 1000": f"page={requests.size.last_page}",
        "?state=failed": "state=failed",
        "?search=": f"search={RARE}",
    }


def _sync_queries(requests: Requests) -> dict[str, str]:
    filters = (
        "state=failed",
        "state=retrying",
        "error=record_rejected",
        "provider=bottlecrm",
        "age=day",
    )
    return {
        "plain": "",
        "page 45": f"p={min(45, requests.size.meetings // 50)}",
        **{query: query for query in filters},
        "q=e-mail": f"q=person-{PERSON}@",
        "q=rare title": f"q={RARE}",
        "q=frequent title": "q=weekly",
        "q=reference": f"q={requests.run.reference}",
        "q=id": f"q={requests.run.meeting_id}",
    }


def _pages(requests: Requests) -> dict[str, str]:
    return {
        "admin start page": "/admin/",
        "case file": f"{RUNS}{requests.run.pk}/change/",
        "case file of the big owner": f"{RUNS}{requests.run_of_owner.pk}/change/",
        "/metrics": "/metrics",
    }


def _sweep() -> int:
    return 1 + dispatcher.sweep()


def _review() -> int:
    incidents.review(timezone.now())
    return 1


def _dry_run() -> int:
    return len(call_command("requeue_syncs", failed=True, dry_run=True, stdout=StringIO()))


def _count_old() -> int:
    return retention.count_old(timezone.now() - timedelta(days=89))


MACHINES = {
    "sweep": _sweep,
    "review of incidents": _review,
    "requeue_syncs --failed --dry-run": _dry_run,
    "prune_sync_history: count": _count_old,
}
