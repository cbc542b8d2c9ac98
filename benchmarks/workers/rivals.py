"""RQ and Celery without us: the same three steps, nothing written to a database."""

from functools import partial

import redis
from django.utils.module_loading import import_string
from rq import Queue
from rq.serializers import JSONSerializer

from benchmarks.services import Services
from benchmarks.workers import rq_jobs
from benchmarks.workers.load import Engine
from benchmarks.workers.ours import OPTIONS

CELERY_DATABASE = 3  # Beside those that the product uses.
CELERY_APP = "benchmarks.workers.celery_app"


def rq(services: Services, name: str, worker_class: str = "rq.Worker") -> Engine:
    store = services.redis()
    program = f"python manage.py rqworker {rq_jobs.QUEUE} --job-class rq.job.Job"
    return Engine(
        name=name,
        commands={"worker": f"{program} --worker-class {worker_class} {OPTIONS}"},
        submit=partial(_send_to_rq, store),
        count_steps=partial(_count_steps, store),
    )


def celery(services: Services, threads: int, seconds: float) -> Engine:
    broker = f"redis+socket://{services.socket}?virtual_host={CELERY_DATABASE}"
    command = f"celery -A {CELERY_APP} worker --pool threads -c {threads} -l INFO"
    return Engine(
        name=f"Celery, 1 × {threads} threads",
        commands={"worker": command},
        environment={
            "BROKER_URL": broker,
            "COUNTER_URL": services.redis_url(CELERY_DATABASE),
            "CRM_ANSWER_SECONDS": str(seconds),
        },
        submit=partial(_send_to_celery, broker),
        count_steps=partial(_count_steps, services.redis(CELERY_DATABASE)),
    )


def _count_steps(store: redis.Redis) -> int:
    return int(store.get(rq_jobs.COUNTER) or 0)


def _send_to_rq(store: redis.Redis, count: int) -> None:
    queue = Queue(rq_jobs.QUEUE, connection=store, serializer=JSONSerializer)
    for _ in range(count):
        rq_jobs.send(queue, 1)


def _send_to_celery(broker: str, count: int) -> None:
    app = import_string("celery.Celery")(broker=broker)  # By name, for it need not be installed.
    steps = [app.signature("step", immutable=True, app=app) for _ in range(rq_jobs.STEPS)]
    for _ in range(count):
        import_string("celery.chain")(*steps, app=app).delay()
