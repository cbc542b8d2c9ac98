"""Counts the instructions of processes with perf, where machine and kernel let it."""

import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from functools import cache

PERF = ("perf", "stat", "-x", ",", "-e", "instructions:u")
ATTACH_SECONDS = 0.3  # It does not say when it has begun.


class Instructions:
    """`count` after the `with`; None where they cannot be counted."""

    count: int | None = None

    def __init__(self, pids: Sequence[int]) -> None:
        self.pids = pids

    def __enter__(self) -> "Instructions":
        if _can_count():
            pids = ",".join(str(pid) for pid in self.pids)
            self.process = subprocess.Popen([*PERF, "-p", pids], stderr=subprocess.PIPE, text=True)  # noqa: S603
            time.sleep(ATTACH_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        if _can_count():
            self.process.send_signal(signal.SIGINT)  # It prints when it is interrupted.
            self.count = _read(self.process.communicate()[1])


@cache
def _can_count() -> bool:
    if shutil.which("perf") is None:
        return False
    tried = subprocess.run([*PERF, "true"], capture_output=True, text=True, check=False)  # noqa: S603
    return _read(tried.stderr) is not None


def _read(output: str) -> int | None:
    first = next((line for line in output.splitlines() if "instructions" in line), "")
    figure = first.partition(",")[0]
    return int(figure) if figure.isdecimal() else None
