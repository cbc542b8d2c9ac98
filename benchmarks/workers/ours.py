"""Our workers, by threads as the Procfile has them or with a process for every job."""

from functools import partial

from django.utils import timezone

from benchmarks.rows import connect, invite, make_meetings, make_users
from benchmarks.services import PROCFILE
from benchmarks.workers.load import Engine
from crmsync.engine import heartbeat, hints, workers
from crmsync.models import RemoteRecord, SyncAttempt, SyncRun
from meetings.models import Meeting, SyncStep

OPTIONS = "--serializer rq.serializers.JSONSerializer --worker-ttl 60"
FORKING = f"python manage.py rqworker crmsync {OPTIONS}"


def make_unsynced(count: int) -> list[Meeting]:
    """Each of another person."""
    users = make_users(count)
    connect(users, "steady")
    meetings = make_meetings(users)
    invite(meetings, lambda: ["ann@acme.example"])
    return meetings


def with_threads(threads: int, seconds: float = 0, processes: int = 1) -> Engine:
    name = f"ours, {processes} × {threads} threads"
    chosen = {"SYNC_THREADS_PER_WORKER": str(threads)}
    return _engine(name, PROCFILE["worker"], seconds, processes, chosen)


def with_a_process_per_job(seconds: float = 0, processes: int = 1) -> Engine:
    return _engine(f"ours, {processes} × a process per job", FORKING, seconds, processes, {})


def _engine(
    name: str, command: str, seconds: float, processes: int, variables: dict[str, str]
) -> Engine:
    workers = {f"worker-{number}": command for number in range(processes)}
    return Engine(
        name=name,
        commands={**workers, "dispatcher": PROCFILE["dispatcher"]},
        environment={"CRM_ANSWER_SECONDS": str(seconds), **variables},
        is_ready=partial(is_ready, processes),
        submit=submit,
        count_steps=_count_steps,
        count_in_flight=_count_in_flight,
        check=_check,
    )


def is_ready(processes: int) -> bool:
    return heartbeat.is_alive() and len(workers.alive(timezone.now())) >= processes


def submit(count: int) -> None:
    """As requested a moment ago, all at once."""
    now = timezone.now()
    runs = SyncRun.objects.bulk_create(
        SyncRun(
            meeting=meeting,
            connection=meeting.user.connection,
            provider="steady",
            sent_at=now,
            ready_since=now,
        )
        for meeting in make_unsynced(count)
    )
    hints.send_hints((run.pk, run.step) for run in runs)


def _count_steps() -> int:
    return SyncAttempt.objects.filter(outcome="succeeded").count()


def _count_in_flight() -> int:
    return SyncAttempt.objects.filter(finished_at=None).count()


def _check(count: int) -> None:
    """Each was synced at its first try, and everything of it is written down."""
    steps = len(SyncStep)
    assert SyncRun.objects.filter(status="succeeded").count() == count == SyncRun.objects.count()
    assert Meeting.objects.filter(last_sync_success=True).count() == count
    assert _count_steps() == steps * count
    assert SyncAttempt.objects.count() == RemoteRecord.objects.count() == steps * count
