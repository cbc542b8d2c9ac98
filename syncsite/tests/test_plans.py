"""What PostgreSQL plans for what is asked often: nothing that reads a growing table as a whole."""

import json
from datetime import timedelta
from functools import partial

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from conftest import api_of
from crmsync import dispatcher
from crmsync.incidents import incidents
from crmsync.models import Connection, RemoteRecord, SyncAttempt, SyncRun
from crmsync.operations import retention
from meetings.models import Attendee, Meeting

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(database.vendor != "postgresql", reason="PostgreSQL's plans"),
]

GROWING = [Meeting, Attendee, SyncRun, SyncAttempt, RemoteRecord]
TABLES = {model._meta.db_table for model in GROWING}
PARTIAL = {  # Indexes of what is rare, which may be read as a whole.
    each.name
    for model in GROWING
    for each in [*model._meta.indexes, *model._meta.constraints]
    if getattr(each, "condition", None)
}
FAILED = {"status": "failed", "error_code": "crm_timeout"}
RUNS, MEETINGS = "/admin/crmsync/syncrun/", "/admin/meetings/meeting/"
PAGES = [
    "/admin/",
    RUNS,
    *(f"{RUNS}?state={state}" for state in ("failed", "synced", "queued", "retrying", "paused")),
    *(f"{RUNS}?{query}" for query in ("error=crm_timeout", "provider=bottlecrm", "age=day")),
    *(f"{RUNS}?q={term}" for term in ("person-7@", "SY-0000001", "12345", "lunch")),
    MEETINGS,
    *(f"{MEETINGS}?sync={group}" for group in ("failed", "in_progress", "never", "canceled")),
    f"{MEETINGS}?q=lunch",
    "/metrics",
]
QUERIES = ["page=1", "state=failed", "state=queued", "state=canceled", "search=lunch"]
LISTS = [f"/meetings?{query}" for query in QUERIES]
JOBS = {
    "sweep": dispatcher.sweep,
    "review": lambda: incidents.review(timezone.now()),
    "requeue": lambda: call_command("requeue_syncs", failed=True, dry_run=True),
    "prune": lambda: retention.old(timezone.now() - timedelta(days=60)).count(),
}


def make_syncs(meetings):
    now = timezone.now()
    runs = SyncRun.objects.bulk_create(
        SyncRun(
            meeting=meeting,
            connection=meeting.user.connection,
            provider="sandbox",
            counted=True,
            created_at=began,
            started_at=began,
            finished_at=began,
            **FAILED if n % 50 == 0 else {"status": "succeeded"},
        )
        for began in (now - timedelta(days=30), now - timedelta(days=20))
        for n, meeting in enumerate(meetings)
    )
    SyncAttempt.objects.bulk_create(
        SyncAttempt(run=run, claim=1, step=1, number=1, started_at=now, finished_at=now)
        for run in runs[::50]
    )
    SyncRun.objects.filter(pk__in=[run.pk for run in runs[:20]]).update(
        finished_at=now - timedelta(days=90)
    )
    SyncRun.objects.bulk_create(
        SyncRun(meeting=meeting, connection=meeting.user.connection) for meeting in meetings[:20]
    )


def prefer_indexes():
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
        # What pays off with few rows only.
        for name in ("seqscan", "hashjoin", "mergejoin"):
            cursor.execute(f"SET enable_{name} = off")
        cursor.execute("SET cpu_tuple_cost = 1; SET cpu_index_tuple_cost = 1")


@pytest.fixture
def owner(transactional_db):
    """One of twenty who have fifty meetings each; of the syncs one in fifty failed."""
    now = timezone.now()
    users = User.objects.bulk_create(User(email=f"person-{n}@a.example") for n in range(20))
    Connection.objects.bulk_create(Connection(user=user, provider="sandbox") for user in users)
    meetings = Meeting.objects.bulk_create(
        Meeting(
            user=users[n % 20],
            title=f"Call {n}",
            starts_at=now,
            ends_at=now + timedelta(hours=1),
            last_sync_success=n % 50 > 0,
        )
        for n in range(1000)
    )
    Attendee.objects.bulk_create(Attendee(meeting=m, email=f"{m.pk}@b.example") for m in meetings)
    make_syncs(meetings)
    prefer_indexes()
    yield users[0]
    database.close()


def nodes(plan, limited=False):
    """Every node of a plan, and whether a LIMIT above lets it stop early."""
    limited = limited or plan["Node Type"] == "Limit"
    yield plan, limited
    for part in plan.get("Plans", []):
        yield from nodes(part, limited)


def reads_all(node, limited):
    """Whether a growing table is read from end to end."""
    if node.get("Relation Name") not in TABLES or "Index Cond" in node:
        return False
    kind = node["Node Type"]
    whole_index = kind.startswith("Index") and not limited and node["Index Name"] not in PARTIAL
    return kind == "Seq Scan" or whole_index


def without_index(statements):
    """Those of the statements that read a growing table from end to end."""
    for sql in statements:
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            with database.cursor() as cursor:
                cursor.execute("EXPLAIN (FORMAT JSON) " + sql.replace("%", "%%"), [])
                (plan,) = cursor.fetchone()[0]
            if any(reads_all(*node) for node in nodes(plan["Plan"])):
                yield f"{sql}\n{json.dumps(plan, indent=1)}"


def statements_of(call):
    cache.clear()
    with CaptureQueriesContext(database) as seen:
        response = call()
        statements = [query["sql"] for query in seen]  # The next request clears them.
    assert getattr(response, "status_code", 200) == 200
    assert statements
    return statements


def assert_uses_indexes(get, paths):
    for path in paths:
        assert not list(without_index(statements_of(partial(get, path)))), path


def test_find_the_meetings_of_a_person(owner):
    assert_uses_indexes(api_of(owner).get, LISTS)


def test_find_what_is_polled(owner):
    meeting = f"/meetings/{owner.meetings.first().pk}"
    polls = [f"{meeting}/{name}" for name in ("sync_status", "last_sync_success", "sync", "runs")]
    assert_uses_indexes(api_of(owner).get, polls)


def test_find_what_staff_and_machines_ask_for(owner, admin_client):
    run = SyncRun.objects.filter(status="failed").first()
    assert_uses_indexes(admin_client.get, [*PAGES, f"{RUNS}{run.pk}/change/"])


@pytest.mark.parametrize("job", JOBS)
def test_find_what_is_to_be_done(owner, job):
    assert not list(without_index(statements_of(JOBS[job])))
