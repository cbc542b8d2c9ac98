"""Three chained jobs that do nothing: no engine on RQ can be faster than RQ alone with them."""

from rq import Queue, get_current_job
from rq.serializers import JSONSerializer

QUEUE = "rq_alone"
STEPS = 3
COUNTER = "steps"


def step(number: int) -> None:
    job = get_current_job()
    assert job is not None
    job.connection.incr(COUNTER)
    if number < STEPS:
        send(Queue(QUEUE, connection=job.connection, serializer=JSONSerializer), number + 1)


def send(queue: Queue, number: int) -> None:
    """As we send a hint: what has begun is finished first."""
    queue.enqueue(step, number, result_ttl=0, failure_ttl=3600, at_front=number > 1)
