"""A step as a job in PostgreSQL."""

import os

from procrastinate import App, PsycopgConnector
from psycopg_pool import ConnectionPool

from benchmarks.workers.rq_jobs import STEPS

pool = ConnectionPool(os.environ["DATABASE_URL"], max_size=8, open=False)
app = App(connector=PsycopgConnector(conninfo=os.environ["DATABASE_URL"]))


@app.task(name="save")
def save(row: int, step: int) -> None:
    pool.open()
    with pool.connection() as connection:
        connection.execute("UPDATE durable SET step = %s WHERE id = %s", [step, row])
    if step < STEPS:
        save.defer(row=row, step=step + 1)
