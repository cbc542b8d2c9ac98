"""Our workers, by threads as the Procfile has them or with a process for every job."""

from functools import partial
from pathlib import Path

from django.conf import settings

from benchmarks.pipes import syncs
from benchmarks.pipes.engine import Engine
from crmsync.engine import heartbeat, hints
from syncsite.demo.processes import procfile

PROCFILE = procfile(Path(settings.BASE_DIR) / "Procfile")
OPTIONS = "--serializer rq.serializers.JSONSerializer --worker-ttl 60"
FORKING = f"python manage.py rqworker crmsync {OPTIONS}"


def with_threads(threads: int, seconds: float = 0, processes: int = 1) -> Engine:
    name = f"ours, {processes} × {threads} threads"
    return _engine(name, PROCFILE["worker"], seconds, processes, threads)


def with_a_process_per_job(seconds: float = 0, processes: int = 1) -> Engine:
    return _engine(f"ours, {processes} × a process per job", FORKING, seconds, processes)


def _engine(
    name: str, command: str, seconds: float, processes: int, threads: int | None = None
) -> Engine:
    chosen = {"SYNC_THREADS_PER_WORKER": str(threads)} if threads else {}
    return Engine(
        name=name,
        command=command,
        processes=processes,
        environment={"CRM_ANSWER_SECONDS": str(seconds), **chosen},
        beside={"dispatcher": PROCFILE["dispatcher"]},
        is_ready=partial(_is_ready, processes),
        submit=_submit,
        count_steps=syncs.count_steps,
        count_calling=syncs.count_calling,
        check=syncs.check_all,
    )


def _is_ready(processes: int) -> bool:
    return heartbeat.is_alive() and hints.count_workers() >= processes


def _submit(count: int) -> None:
    hints.send_hints([(run.pk, run.step) for run in syncs.make_runs(count)])
