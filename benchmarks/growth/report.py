"""Builds both databases, measures in each, and says what grows with them."""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from django.utils import timezone
from rich.console import Console
from rich.table import Table

from benchmarks.growth import database, timing
from benchmarks.growth.measures import measures
from benchmarks.growth.size import Size
from benchmarks.growth.subject import Subject
from benchmarks.lab.postgres import Postgres
from syncsite.demo.valkey import EmbeddedValkey

GOAL = 2.0
UNNOTICED = 3.0  # Milliseconds, below which a ratio says nothing.


@dataclass(frozen=True)
class Line:
    what: str
    small: float
    large: float
    ratio: float
    queries: int
    met: bool


def main(folder: Path) -> int:
    options = _parse()
    console = Console()
    sizes = [Size.small(options.meetings // 100), Size.large(options.meetings)]
    valkey = EmbeddedValkey(folder / "valkey.sock", folder)
    valkey.start()
    try:
        with Postgres(folder):
            for size in sizes:
                _build(size, console)
            small, large = (_measure(size) for size in sizes)
    finally:
        valkey.stop()
    lines = [_compare(what, small[what], large[what]) for what in small]
    console.print(_table(lines))
    if options.json:
        options.json.write_text(json.dumps([asdict(line) for line in lines], indent=2))
    return 0 if all(line.met for line in lines) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What grows with a hundred times as much?")
    parser.add_argument("--meetings", type=int, default=1_000_000, metavar="N", help="of the large")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _build(size: Size, console: Console) -> None:
    start = time.perf_counter()
    database.make(size, timezone.now())
    seconds = time.perf_counter() - start
    console.print(f"{size.name}: {size.meetings:,} meetings, built in {seconds:.0f} s")


def _measure(size: Size) -> dict[str, timing.Timing]:
    database.choose(size.name)
    return timing.take(measures(Subject.of(size)))


def _compare(what: str, small: timing.Timing, large: timing.Timing) -> Line:
    ratio = large.ms / small.ms
    met = ratio <= GOAL or max(small.ms, large.ms) < UNNOTICED
    return Line(what, small.ms, large.ms, ratio, large.queries, met)


def _table(lines: Sequence[Line]) -> Table:
    table = Table("what", "ms small", "ms large", "ratio", "queries", f"goal ≤ {GOAL:.0f} ×")
    for line in lines:
        figures = (f"{line.small:.1f}", f"{line.large:.1f}", f"{line.ratio:.1f}")
        goal = "met" if line.met else "[bold]missed[/]"
        table.add_row(line.what, *figures, str(line.queries), goal)
    return table
