"""What defines a KPI? One row: what it counts, divided by what, for which styles, with which labels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crm.i18n import Text

STYLES = ("field", "route", "inside")


class Shape(StrEnum):
    """How a KPI is computed from its counts."""

    COUNT = "count"  # number of events in the period
    AMOUNT = "amount"  # sum of a column over the events of the period
    RATE = "rate"  # of the events of the period, the share that also meets the numerator
    COHORT = "cohort"  # of those created in the period, the share that has advanced by now
    MEAN = "mean"  # an amount of the period divided by a count of it
    CHURN = "churn"  # share of the customers at the period's start that were lost in it
    LEVEL = "level"  # its state at the period's end, or now within the period
    REPEAT = "repeat"  # expected yearly purchases of a customer who buys without a contract
    LIFETIME = "lifetime"  # monthly amount of a customer times expected months at the past year's churn


@dataclass(frozen=True)
class Count:
    """What is counted: a kind of event (see `count.KPI_EVENTS`), the rows of it that meet `where`.

    `where`: columns and the values allowed, "true" for a flag, "*" for anything filled in. `total`: a column
    that is summed; without it each row counts 1. `distinct`: a column whose distinct values are counted.
    `reached`: an instant of the row that must have passed.
    """

    of: str
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    total: str | None = None
    distinct: str | None = None
    reached: str | None = None


@dataclass(frozen=True)
class Kpi:
    """One KPI. `unit` is a word, MONEY or SHARE; `controllable`: within a seller's control."""

    id: str
    label: Text
    meaning: Text
    unit: Text
    shape: Shape
    count: Count
    per: Count | None = None
    styles: tuple[str, ...] = STYLES
    controllable: bool = False
    lower_is_better: bool = False

    @property
    def is_share(self) -> bool:
        """Whether its values lie between 0 and 1."""
        return self.shape in (Shape.RATE, Shape.COHORT, Shape.CHURN)

    @property
    def adds_up(self) -> bool:
        """Whether a team's value is the sum of its members' values."""
        return self.shape in (Shape.COUNT, Shape.AMOUNT) and self.count.distinct is None
