"""What processes and their children use, as Linux counts it."""

import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


def children_of(pid: int) -> list[int]:
    parents = ((int(stat.parent.name), _fields(stat)) for stat in PROC.glob("[0-9]*/stat"))
    return [child for child, fields in parents if fields and int(fields[1]) == pid]


def tree(pids: Iterable[int]) -> list[int]:
    found = list(pids)
    for pid in found:
        found += children_of(pid)
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of all threads and children, those that have ended included."""
    stats = (_fields(PROC / str(pid) / "stat") for pid in tree(pids))
    return sum(int(ticks) for fields in stats for ticks in fields[11:15]) / TICKS


def megabytes(pids: Iterable[int]) -> float:
    """PSS: what several processes share counts once."""
    return sum(_kilobytes(PROC / str(pid) / "smaps_rollup") for pid in tree(pids)) / 1024


def _fields(stat: Path) -> list[str]:
    """Those behind the program's name, which may hold blanks; none of a process that has ended."""
    return _read(stat).rpartition(")")[2].split()


def _kilobytes(rollup: Path) -> int:
    lines = _read(rollup).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
