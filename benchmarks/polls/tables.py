"""The figures as tables: medians of the rounds, and the goals."""

from collections.abc import Sequence
from statistics import median

from rich.table import Table

from benchmarks.polls.goals import GOALS, Goal, Measures
from benchmarks.polls.rounds import Measure

COLUMNS = {
    "requests_per_second": ("requests/s", "{:,.0f}"),
    "cpu_ms_per_1000": ("CPU ms/1000", "{:,.0f}"),
    "p50_ms": ("p50 ms", "{:.2f}"),
    "p99_ms": ("p99 ms", "{:.2f}"),
    "megabytes": ("MB", "{:.0f}"),
    "instructions_per_request": ("instructions", "{:,.0f}"),
}


def figures(title: str, measures: Measures) -> Table:
    table = Table(title=title)
    table.add_column(no_wrap=True)
    shown = [name for name in COLUMNS if _is_known(name, measures)]
    for name in shown:
        table.add_column(COLUMNS[name][0], justify="right")
    for candidate, taken in measures.items():
        table.add_row(candidate, *(COLUMNS[name][1].format(middle(name, taken)) for name in shown))
    return table


def middle(name: str, taken: Sequence[Measure]) -> float:
    return median(getattr(measure, name) for measure in taken)


def goals(title: str, measures: Measures) -> Table:
    table = Table("", "ratio", "goal", "", title=title)
    for goal in reachable(measures):
        ratio = goal.ratio(measures)
        table.add_row(goal.text, f"{ratio:.2f}", f"≤ {goal.most:.2f}", verdict(goal, measures))
    return table


def reachable(measures: Measures) -> list[Goal]:
    """Those whose candidates were measured."""
    return [goal for goal in GOALS if {goal.mine, goal.theirs} <= measures.keys()]


def verdict(goal: Goal, measures: Measures) -> str:
    return "met" if goal.ratio(measures) <= goal.most else "missed"


def _is_known(name: str, measures: Measures) -> bool:
    taken = [measure for each in measures.values() for measure in each]
    return all(getattr(measure, name) is not None for measure in taken)
