"""What a load of polls came to, whoever made it."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

CONNECTIONS = 8


class WrongAnswersError(Exception):
    """The run proves nothing; the message shows one of them."""


@dataclass(frozen=True)
class Load:
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float


def percentile(sorted_values: Sequence[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


def generator() -> str:
    return "wrk" if shutil.which("wrk") else "threads of Python (wrk is not installed)"
