"""What does a change do to the goal: to its probability, to its revenue, to what is missing? And what counts?

Where the target is out of reach or safe, every change of its probability is next to nothing. Then revenue
says what a change is worth, and what share of the shortfall it closes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from features.arrays import Ints
from models.forecast.attainment import probability_of
from models.forecast.simulate import Simulation
from models.forecast.undecided import RankedBy, ranked_by, share_of_gap


@dataclass(frozen=True)
class Goal:
    """A scope's target, the probability of reaching it (both None without one), and its mean revenue."""

    target: float | None
    probability: float | None
    revenue: float

    @classmethod
    def of(cls, simulation: Simulation, people: Ints, target: float | None) -> Goal:
        """The goal of some people in a simulation."""
        revenue = float(simulation.total(people).mean())
        return cls(target, probability_of(simulation, people, target), revenue)

    @property
    def chance(self) -> float:
        """The probability of a goal that has a target."""
        if self.probability is None:
            raise ValueError("this goal has no target, so no probability")
        return self.probability

    @property
    def gap(self) -> float | None:
        """What is missing: the target minus the mean forecast; negative where it is exceeded."""
        return None if self.target is None else self.target - self.revenue

    @property
    def ranked_by(self) -> RankedBy:
        """By what effects on this goal are ranked."""
        return ranked_by(self.probability)

    def effect_of(self, after: Goal) -> dict[str, float | None]:
        """What another state of the goal adds: points of attainment, revenue, and its share of the gap."""
        points = None
        if self.probability is not None and after.probability is not None:
            points = 100 * (after.probability - self.probability)
        return self.effect(points, after.revenue - self.revenue)

    def effect(self, points: float | None, revenue: float) -> dict[str, float | None]:
        """An effect of so many points of attainment and so much revenue."""
        return {"attainment_pp": points, "revenue": revenue, "gap_share": share_of_gap(revenue, self.gap)}

    def strength(self, points: float | None, revenue: float) -> float:
        """How strong an effect is: points of attainment; where that is settled, percent of the target.

        >>> Goal(200.0, 0.5, 150.0).strength(3.0, 10.0), Goal(200.0, 0.001, 150.0).strength(0.0, 10.0)
        (3.0, 5.0)
        """
        if self.ranked_by == "attainment":
            return points or 0.0
        return 100 * revenue / self.target if self.target else 0.0

    def ranked(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Rows with their effects on the goal, the largest first; ties by the other effect."""
        return sorted((dict(row) for row in rows), key=self.rank)

    def rank(self, row: Mapping[str, Any]) -> tuple[float, float]:
        """By what a row with its effects stands in the order: less comes first."""
        points, revenue = float(row["attainment_pp"] or 0.0), float(row["revenue"])
        return (-points, -revenue) if self.ranked_by == "attainment" else (-revenue, -points)
