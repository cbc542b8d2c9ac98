"""Three waits as a chain of Celery tasks.

python -m benchmarks.workers.celery_app COUNT sends that many chains.
"""

import os
import sys
import time

import redis
from celery import Celery, chain

from benchmarks.workers.rq_jobs import COUNTER, STEPS

store = redis.Redis.from_url(os.environ["COUNTER_URL"])
app = Celery("celery_app", broker=os.environ["BROKER_URL"])
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=1)


@app.task(name="step")
def step() -> None:
    time.sleep(float(os.environ["CRM_ANSWER_SECONDS"]))
    store.incr(COUNTER)


if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        chain(*[step.si() for _ in range(STEPS)]).delay()
