"""What processes have used, as Linux counts it."""

import os
import re
from collections.abc import Iterable

from benchmarks.lab.stack import PROC

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time, all threads."""
    return sum(_ticks(pid) for pid in pids) / TICKS


def megabytes(pids: Iterable[int]) -> float:
    """What is shared counts in parts (PSS)."""
    return sum(_pss(pid) for pid in pids) / 1024


def _ticks(pid: int) -> int:
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _pss(pid: int) -> int:
    text = (PROC / str(pid) / "smaps_rollup").read_text()
    match = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) if match else 0
