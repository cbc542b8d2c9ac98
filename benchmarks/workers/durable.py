"""Three chained jobs that each write one row of status, as Celery and procrastinate do it.

Both are measured where they are installed. Their work is durable, but nothing beside that row is
done: no leases, no fairness, no copies in Redis.
"""

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

from django.db import connection as database
from django.utils.module_loading import import_string

from benchmarks.services import Services
from benchmarks.workers.load import Engine
from benchmarks.workers.rivals import CELERY_DATABASE
from benchmarks.workers.rq_jobs import STEPS

CELERY = "benchmarks.workers.durable_celery"
PROCRASTINATE = "benchmarks.workers.durable_procrastinate"
MAKE = "CREATE TABLE IF NOT EXISTS durable (id bigserial PRIMARY KEY, step int DEFAULT 0)"


def engines(services: Services, threads: int) -> Iterator[Engine]:
    _execute(MAKE)
    broker = f"redis+socket://{services.socket}?virtual_host={CELERY_DATABASE}"
    if find_spec("celery"):
        yield Engine(
            name=f"Celery, {threads} threads, durable",
            commands={"worker": f"celery -A {CELERY} worker -P threads -c {threads} -l WARNING"},
            environment={"BROKER_URL": broker},
            submit=partial(_send_to_celery, broker),
            count_steps=_count_steps,
            check=_check,
        )
    if find_spec("procrastinate"):
        with _procrastinate().open() as app:
            app.schema_manager.apply_schema()
        program = f"procrastinate --app {PROCRASTINATE}.app worker"
        yield Engine(
            name=f"procrastinate, {threads} threads",
            commands={"worker": f"{program} --concurrency {threads}"},
            submit=_send_to_procrastinate,
            count_steps=_count_steps,
            check=_check,
        )


def _execute(sql: str, *given: int) -> list[tuple[int, ...]]:
    with database.cursor() as cursor:
        cursor.execute(sql, given)
        return cursor.fetchall() if cursor.description else []


def _make_rows(count: int) -> list[int]:
    rows = _execute(
        "INSERT INTO durable (step) SELECT 0 FROM generate_series(1, %s) RETURNING id", count
    )
    return [pk for (pk,) in rows]


def _count_steps() -> int:
    return _execute("SELECT coalesce(sum(step), 0) FROM durable")[0][0]


def _check(count: int) -> None:
    assert _count_steps() == STEPS * count
    _execute("TRUNCATE durable")


# What follows is imported by name, because it need not be installed.


def _send_to_celery(broker: str, count: int) -> None:
    app = import_string("celery.Celery")(broker=broker)
    for row in _make_rows(count):
        steps = [
            app.signature("save", args=[row, step], immutable=True, app=app)
            for step in range(1, STEPS + 1)
        ]
        import_string("celery.chain")(*steps, app=app).delay()


def _send_to_procrastinate(count: int) -> None:
    with _procrastinate().open() as app:
        for row in _make_rows(count):
            app.configure_task("save").defer(row=row, step=1)


def _procrastinate() -> Any:
    return import_string(f"{PROCRASTINATE}.app")
