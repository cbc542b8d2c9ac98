"""RQ, Celery and Sidekiq without us: the same three steps, nothing written to a database."""

import json
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from rq import Queue
from rq.serializers import JSONSerializer

from benchmarks.pipes import bare_rq
from benchmarks.pipes.bench import Bench, environment
from benchmarks.pipes.engine import Engine
from benchmarks.pipes.ours import OPTIONS

DATABASE = 3  # Beside those that the product uses.
SIDEKIQ_FILE = Path(__file__).with_name("sidekiq.rb")


def rq(bench: Bench, name: str, worker_class: str = "") -> Engine:
    chosen = f"--worker-class {worker_class} " if worker_class else ""
    program = f"rq worker {bare_rq.NAME} --url {shlex.quote(bench.url(0))}"
    if worker_class.startswith("crmsync."):
        program = f"python manage.py rqworker {bare_rq.NAME}"
    return _engine(
        bench.redis(0),
        name=name,
        command=f"{program} {chosen}{OPTIONS}",
        submit=partial(_send_to_rq, bench.redis(0)),
    )


def celery(bench: Bench, threads: int, seconds: float) -> Engine | None:
    if find_spec("celery") is None:
        return None
    variables = {
        "BROKER_URL": f"redis+socket://{bench.socket}?virtual_host={DATABASE}",
        "COUNTER_URL": bench.url(DATABASE),
        "CRM_ANSWER_SECONDS": str(seconds),
    }
    return _engine(
        bench.redis(DATABASE),
        name=f"Celery, 1 × {threads} threads",
        command=f"celery -A benchmarks.pipes.celery_app worker --pool threads -c {threads} -l INFO",
        environment=variables,
        submit=partial(_send_to_celery, variables),
    )


def sidekiq(bench: Bench, threads: int, seconds: float) -> Engine | None:
    if shutil.which("sidekiq") is None:
        return None
    store = bench.redis(DATABASE)
    return _engine(
        store,
        name=f"Sidekiq, 1 × {threads} threads",
        command=f"sidekiq -r {shlex.quote(str(SIDEKIQ_FILE))} -c {threads}",
        environment={
            "BROKER_SOCKET": str(bench.socket),
            "BROKER_DATABASE": str(DATABASE),
            "CRM_ANSWER_SECONDS": str(seconds),
        },
        submit=partial(_send_to_sidekiq, store),
    )


def _engine(store: redis.Redis, **values: Any) -> Engine:
    return Engine(count_steps=lambda: int(store.get(bare_rq.COUNTER) or 0), **values)


def _send_to_rq(connection: redis.Redis, count: int) -> None:
    queue = Queue(bare_rq.NAME, connection=connection, serializer=JSONSerializer)
    for _ in range(count):
        bare_rq.send(queue, 1)


def _send_to_celery(variables: dict[str, str], count: int) -> None:
    command = [sys.executable, "-m", "benchmarks.pipes.celery_app", str(count)]
    subprocess.run(  # noqa: S603
        command, cwd=settings.BASE_DIR, env={**environment(), **variables}, check=True
    )


def _send_to_sidekiq(store: redis.Redis, count: int) -> None:
    pipeline = store.pipeline()
    pipeline.sadd("queues", "default")
    for _ in range(count):
        job = {"class": "Step", "args": [1], "queue": "default", "retry": False}
        stamps = {"jid": secrets.token_hex(12), "created_at": time.time()}
        pipeline.lpush("queue:default", json.dumps({**job, **stamps, "enqueued_at": time.time()}))
    pipeline.execute()
