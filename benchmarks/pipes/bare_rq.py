"""Three chained jobs that do nothing, for RQ alone: what no engine on RQ can be faster than."""

from rq import Queue, get_current_job
from rq.serializers import JSONSerializer

NAME = "bare"
STEPS = 3
COUNTER = "bare:steps"


def step(number: int) -> None:
    job = get_current_job()
    assert job is not None
    job.connection.incr(COUNTER)
    if number < STEPS:
        send(Queue(NAME, connection=job.connection, serializer=JSONSerializer), number + 1)


def send(queue: Queue, number: int) -> None:
    """As we send a hint: what has begun is finished first."""
    queue.enqueue(step, number, result_ttl=0, failure_ttl=3600, at_front=number > 1)
