"""Everything a run came to, for machines."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.polls.goals import Measures
from benchmarks.polls.rounds import Measure
from benchmarks.polls.tables import COLUMNS, middle, reachable, verdict


def record(measures: Measures) -> dict[str, Any]:
    return {
        "candidates": {
            name: {"median": _medians(taken), "rounds": [asdict(measure) for measure in taken]}
            for name, taken in measures.items()
        },
        "goals": [
            {**asdict(goal), "ratio": goal.ratio(measures), "verdict": verdict(goal, measures)}
            for goal in reachable(measures)
        ],
    }


def _medians(taken: Sequence[Measure]) -> dict[str, float]:
    known = [name for name in COLUMNS if getattr(taken[0], name) is not None]
    return {name: middle(name, taken) for name in known}
