"""What the product's polls may cost, beside what others' cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.polls.rounds import Measure

Measures = Mapping[str, Sequence[Measure]]


@dataclass(frozen=True)
class Goal:
    """`figure` of `mine` is at most `most` times `their` figure of `theirs`."""

    text: str
    mine: str
    figure: str
    most: float
    theirs: str
    their: str = ""

    def ratio(self, measures: Measures) -> float:
        """The median of the rounds: what a round did to both is out of it."""
        pairs = zip(measures[self.mine], measures[self.theirs], strict=True)
        their = self.their or self.figure
        return median(getattr(a, self.figure) / getattr(b, their) for a, b in pairs)


CPU = "cpu_ms_per_1000"
GOALS = [
    Goal("CPU beside bare Django", "ours", CPU, 1.0, "bare Django"),
    Goal("CPU beside FastAPI", "ours", CPU, 0.8, "FastAPI"),
    Goal("CPU beside FastAPI, memo", "ours", CPU, 1.0, "FastAPI, memo"),
    Goal("CPU beside naive", "ours", CPU, 0.25, "naive"),
    Goal("CPU of a 304 beside a status", "ours 304", CPU, 1.0, "ours"),
    Goal("p99 beside p50", "ours", "p99_ms", 3.0, "ours", "p50_ms"),
    Goal("memory beside bare Django", "ours", "megabytes", 1.3, "bare Django"),
]
