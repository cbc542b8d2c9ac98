"""A step as a Celery task that survives its worker."""

import os

from celery import Celery
from psycopg_pool import ConnectionPool

pool = ConnectionPool(os.environ["DATABASE_URL"], max_size=8, open=False)
app = Celery("durable_celery", broker=os.environ["BROKER_URL"])
app.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=1)


@app.task(name="save")
def save(row: int, step: int) -> None:
    pool.open()
    with pool.connection() as connection:
        connection.execute("UPDATE durable SET step = %s WHERE id = %s", [step, row])
