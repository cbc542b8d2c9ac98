"""ThreadWorker overrides and calls what RQ does not promise to keep."""

import inspect

import pytest
from rq import SimpleWorker
from rq.timeouts import BaseDeathPenalty

from crmsync.worker import NoJobTimeout, ThreadWorker

PARAMETERS = {
    "dequeue_job_and_maintain_ttl": ["self", "timeout", "max_idle_time"],
    "execute_job": ["self", "job", "queue"],
    "heartbeat": ["self", "timeout", "pipeline"],
    "perform_job": ["self", "job", "queue", "execution"],
    "prepare_execution": ["self", "job"],
    "request_force_stop": ["self", "signum", "frame"],
    "teardown": ["self"],
}


@pytest.mark.parametrize("method", PARAMETERS)
def test_take_what_they_took(method):
    parameters = inspect.signature(getattr(SimpleWorker, method)).parameters
    assert list(parameters) == PARAMETERS[method]


@pytest.mark.parametrize("name", ["_stop_requested", "_shutdown_requested_date", "last_heartbeat"])
def test_keep_their_state_under_the_same_names(name):
    assert any(f"self.{name}" in inspect.getsource(base) for base in SimpleWorker.__mro__[:-1])


def test_time_jobs_out_by_a_class_that_can_be_replaced():
    assert "self.death_penalty_class(" in inspect.getsource(SimpleWorker.perform_job)
    assert ThreadWorker.death_penalty_class is NoJobTimeout
    assert {"setup_death_penalty", "cancel_death_penalty"} <= set(vars(BaseDeathPenalty))
