"""Prints what was measured, and what of it is a goal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

console = Console(width=110)


@dataclass(frozen=True)
class Goal:
    """A figure that may be at most `limit`."""

    name: str
    figure: float
    limit: float
    unit: str = "×"

    @property
    def verdict(self) -> str:
        return "met" if self.figure <= self.limit else "missed"


def print_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """The first column names what the others measure."""
    table = Table("", title=title, title_justify="left")
    for head in heads:
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(*map(_text, row))
    console.print(table)


def print_goals(goals: Sequence[Goal]) -> bool:
    """Whether all of them are met."""
    rows = [(it.name, it.figure, it.limit, it.unit, it.verdict) for it in goals]
    print_table("Goals", ("figure", "at most", "unit", ""), rows)
    return all(goal.verdict == "met" for goal in goals)


def _text(value: object) -> str:
    """Three digits of a measured figure say all that it is good for."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
