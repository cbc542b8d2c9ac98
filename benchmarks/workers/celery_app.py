"""A step of a sync as a Celery task."""

import os
import time

import redis
from celery import Celery

from benchmarks.workers.rq_jobs import COUNTER

store = redis.Redis.from_url(os.environ["COUNTER_URL"])
app = Celery("celery_app", broker=os.environ["BROKER_URL"])
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=1)


@app.task(name="step")
def step() -> None:
    time.sleep(float(os.environ["CRM_ANSWER_SECONDS"]))
    store.incr(COUNTER)
