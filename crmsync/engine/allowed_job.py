"""Runs nothing but what this project enqueues.

Whoever can write to Redis could otherwise have a worker run any function of any module.
"""

from typing import Any

from rq.job import Job

from crmsync.engine import hints


class NotAllowedError(Exception):
    pass


class AllowedJob(Job):
    @property
    def func(self) -> Any:
        if self.func_name not in hints.NAMES or self.instance is not None:
            raise NotAllowedError(f"This project enqueues no job {self.func_name!r}.")
        return super().func

    @property
    def success_callback(self) -> None:
        return None

    @property
    def failure_callback(self) -> None:
        return None

    @property
    def stopped_callback(self) -> None:
        return None
