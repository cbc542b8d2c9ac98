"""Our workers, by threads as the Procfile has them or with a process for every job."""

from functools import partial

from benchmarks.services import PROCFILE
from benchmarks.workers import rows
from benchmarks.workers.engine import Engine
from crmsync import dispatcher
from crmsync.engine import hints

OPTIONS = "--serializer rq.serializers.JSONSerializer --worker-ttl 60"
FORKING = f"python manage.py rqworker crmsync {OPTIONS}"


def with_threads(threads: int, seconds: float = 0, processes: int = 1) -> Engine:
    name = f"ours, {processes} × {threads} threads"
    chosen = {"SYNC_THREADS_PER_WORKER": str(threads)}
    return _engine(name, PROCFILE["worker"], seconds, processes, chosen)


def with_a_process_per_job(seconds: float = 0, processes: int = 1) -> Engine:
    return _engine(f"ours, {processes} × a process per job", FORKING, seconds, processes, {})


def _engine(
    name: str, command: str, seconds: float, processes: int, variables: dict[str, str]
) -> Engine:
    return Engine(
        name=name,
        command=command,
        processes=processes,
        environment={"CRM_ANSWER_SECONDS": str(seconds), **variables},
        beside={"dispatcher": PROCFILE["dispatcher"]},
        is_ready=partial(_is_ready, processes),
        submit=_submit,
        count_steps=rows.count_steps,
        count_in_flight=rows.count_in_flight,
        check=rows.check_all,
    )


def _is_ready(processes: int) -> bool:
    return dispatcher.is_alive() and hints.count_workers() >= processes


def _submit(count: int) -> None:
    hints.send_hints([(run.pk, run.step) for run in rows.make_runs(count)])
