"""RQ and Celery without us: the same three steps, nothing written to a database."""

import subprocess
import sys
from functools import partial

import redis
from django.conf import settings
from rq import Queue
from rq.serializers import JSONSerializer

from benchmarks.services import Services, environment
from benchmarks.workers import rq_jobs
from benchmarks.workers.load import Engine
from benchmarks.workers.ours import OPTIONS

CELERY_DATABASE = 3  # Beside those that the product uses.
CELERY_APP = "benchmarks.workers.celery_app"


def rq(services: Services, name: str, worker_class: str = "rq.Worker") -> Engine:
    store = services.redis()
    program = f"python manage.py rqworker {rq_jobs.QUEUE}"
    return Engine(
        name=name,
        command=f"{program} --worker-class {worker_class} {OPTIONS}",
        submit=partial(_send_to_rq, store),
        count_steps=partial(_count_steps, store),
    )


def celery(services: Services, threads: int, seconds: float) -> Engine:
    store = services.redis(CELERY_DATABASE)
    variables = {
        "BROKER_URL": f"redis+socket://{services.socket}?virtual_host={CELERY_DATABASE}",
        "COUNTER_URL": services.redis_url(CELERY_DATABASE),
        "CRM_ANSWER_SECONDS": str(seconds),
    }
    return Engine(
        name=f"Celery, 1 × {threads} threads",
        command=f"celery -A {CELERY_APP} worker --pool threads -c {threads} -l INFO",
        environment=variables,
        submit=partial(_send_to_celery, variables),
        count_steps=partial(_count_steps, store),
    )


def _count_steps(store: redis.Redis) -> int:
    return int(store.get(rq_jobs.COUNTER) or 0)


def _send_to_rq(store: redis.Redis, count: int) -> None:
    queue = Queue(rq_jobs.QUEUE, connection=store, serializer=JSONSerializer)
    for _ in range(count):
        rq_jobs.send(queue, 1)


def _send_to_celery(variables: dict[str, str], count: int) -> None:
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", CELERY_APP, str(count)],
        cwd=settings.BASE_DIR,
        env={**environment(), **variables},
        check=True,
    )
