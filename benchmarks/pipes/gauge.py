"""What processes and their children cost, read from /proc."""

import os
from collections.abc import Iterable
from pathlib import Path

from benchmarks.lab.stack import PROC, children_of

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pids: Iterable[int]) -> list[int]:
    found = list(pids)
    for pid in found:
        found += children_of(pid)
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """Of the processes and of their children, those that have ended included."""
    return sum(_cpu_seconds(PROC / str(pid) / "stat") for pid in tree(pids))


def megabytes(pids: Iterable[int]) -> float:
    """PSS: what several processes share counts once."""
    return sum(_kilobytes(PROC / str(pid) / "smaps_rollup") for pid in tree(pids)) / 1024


def _cpu_seconds(stat: Path) -> float:
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:  # It ended meanwhile.
        return 0
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS


def _kilobytes(rollup: Path) -> int:
    try:
        lines = rollup.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
