"""What people and machines ask of syncsite."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.tokens import AccessToken
from benchmarks.growth.database import OWNER, RARE, Size
from crmsync import dispatcher
from crmsync.incidents import incidents
from crmsync.models import SyncRun

PERSON = 77
POLLS = ("/meetings/{owner_meeting}/sync_status", "/meetings/{owner_meeting}/sync")
MEETINGS = ("page=1", "page={last_page}", "state=failed", f"search={RARE}")
ADMIN_SYNCS = (
    "",
    "p={admin_page}",
    "state=failed",
    "state=retrying",
    "error=record_rejected",
    "provider=bottlecrm",
    "age=day",
    f"q=person-{PERSON}@",
    f"q={RARE}",
    "q=weekly",
    "q={reference}",
    "q={meeting}",
)
ADMIN_MEETINGS = ("", "sync=failed", "sync=in_progress", "sync=never", "sync=synced", f"q={RARE}")
ADMIN_PAGES = (
    "/admin/",
    "/admin/crmsync/syncrun/{run}/change/",
    "/admin/crmsync/syncrun/{owner_run}/change/",
    "/metrics",
)
DRY_RUNS = {"requeue_syncs": "--failed", "prune_sync_history": "--older-than=89d"}


@dataclass(frozen=True)
class Measure:
    what: str
    call: Callable[[], object]
    before: Callable[[], object] = int


def measures(size: Size) -> Iterator[Measure]:
    values = _values(size)
    owner, support = _owner(), _support()
    listings = [(owner, f"/meetings?{query}") for query in MEETINGS]
    listings += [(support, f"/admin/crmsync/syncrun/?{query}") for query in ADMIN_SYNCS]
    listings += [(support, f"/admin/meetings/meeting/?{query}") for query in ADMIN_MEETINGS]
    for client, path in listings:
        yield Measure(path, partial(_get_rows, client, path.format(**values)))
    for path in POLLS:
        call = partial(_get, owner, path.format(**values))
        yield Measure(f"{path}, cold", call, before=cache.clear)
        yield Measure(f"{path}, warm", call)
    for path in ADMIN_PAGES:
        yield Measure(path, partial(_get, support, path.format(**values)))
    yield Measure("sweep", dispatcher.sweep)
    yield Measure("review of incidents", lambda: incidents.review(timezone.now()))
    for command, which in DRY_RUNS.items():
        call = partial(call_command, command, which, "--dry-run", stdout=StringIO())
        yield Measure(f"{command} {which} --dry-run", call)


def _values(size: Size) -> dict[str, object]:
    run, owner_run = _last_run(PERSON), _last_run(OWNER)
    return {
        "last_page": min(1000, 1 + (size.owned - 1) // 50),
        "admin_page": min(45, size.meetings // 50),
        "run": run.pk,
        "reference": run.reference,
        "meeting": run.meeting_id,
        "owner_run": owner_run.pk,
        "owner_meeting": owner_run.meeting_id,
    }


def _last_run(user: int) -> SyncRun:
    return SyncRun.objects.filter(connection=user, status="succeeded").order_by("-id")[:1].get()


def _owner() -> Client:
    token = AccessToken.for_user(User.objects.get(pk=OWNER))
    return Client(SERVER_NAME="localhost", headers={"Authorization": str(token)})


def _support() -> Client:
    authorization = f"Bearer {settings.METRICS_TOKEN}"
    client = Client(SERVER_NAME="localhost", headers={"Authorization": authorization})
    client.force_login(User.objects.get(is_superuser=True))
    return client


def _get_rows(client: Client, path: str) -> None:
    response = _get(client, path)
    is_admin = path.startswith("/admin")
    rows = response.context_data["cl"].result_list if is_admin else response.json()["results"]
    assert rows, f"{path}: no rows."


def _get(client: Client, path: str) -> Any:
    response = client.get(path)
    assert response.status_code == 200, f"{path}: {response.status_code}"
    return response
