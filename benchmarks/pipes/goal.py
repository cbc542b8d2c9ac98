"""A figure and what it should be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    name: str
    figure: float
    unit: str
    limit: float

    @property
    def is_met(self) -> bool:
        return self.figure <= self.limit


def at_most(limit: float, name: str, figure: float, unit: str) -> Goal:
    return Goal(name, figure, unit, limit)
