"""How long a call takes, and how many queries it makes."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.growth.measures import Measure

ROUNDS = 5


@dataclass(frozen=True)
class Timing:
    ms: float
    queries: int


def take(measures: Iterable[Measure]) -> dict[str, Timing]:
    return {measure.what: _take(measure) for measure in measures}


def _take(measure: Measure) -> Timing:
    measure.before()
    with CaptureQueriesContext(connection) as warm_up:
        assert measure.call(), f"{measure.what}: nothing came."
    queries = len(warm_up)  # The next request clears the log.
    return Timing(1000 * median(_time(measure) for _ in range(ROUNDS)), queries)


def _time(measure: Measure) -> float:
    measure.before()
    start = time.perf_counter()
    measure.call()
    return time.perf_counter() - start
