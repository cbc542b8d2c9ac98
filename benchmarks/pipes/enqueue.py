"""Whether sending ten times as many hints takes more memory."""

import subprocess
import sys
import time
from dataclasses import dataclass

from django.conf import settings

from benchmarks.pipes.bench import Bench, environment
from benchmarks.pipes.goal import Goal, at_most

COUNT = 100_000
LIMIT = 1.1


@dataclass(frozen=True)
class Sending:
    hints: int
    megabytes: float
    seconds: float


def run(bench: Bench) -> list[Sending]:
    return [_send(bench, count) for count in (COUNT // 10, COUNT)]


def goal(few: Sending, many: Sending) -> Goal:
    name = f"peak of memory, {many.hints:,} hints ÷ {few.hints:,}"
    return at_most(LIMIT, name, many.megabytes / few.megabytes, "×")


def _send(bench: Bench, count: int) -> Sending:
    bench.redis(0).flushall()
    command = [sys.executable, "-m", "benchmarks.pipes.send_hints", str(count)]
    began = time.perf_counter()
    output = subprocess.check_output(  # noqa: S603
        command, cwd=settings.BASE_DIR, env=environment(), text=True
    )
    return Sending(count, float(output), time.perf_counter() - began)
