"""What says all there is to know of a KPI? One row: what it counts, per what, for whom, in which words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crm.i18n import Text

STYLES = ("field", "route", "inside")
MONEY = Text("金額", "money")  # read in the organisation's currency
SHARE = Text("割合", "share")  # 0 to 1


class Shape(StrEnum):
    """How a KPI is made of what it counts."""

    COUNT = "count"  # how often it happened in the period
    AMOUNT = "amount"  # a column added up over what happened in the period
    RATE = "rate"  # of those of the period, the share that also meets the numerator
    COHORT = "cohort"  # of those that came in the period, the share that has got further by now
    MEAN = "mean"  # an amount of the period divided by a count of it
    CHURN = "churn"  # customers lost in the period, of those there when it began
    LEVEL = "level"  # as it stands at the period's end, or now within it
    REPEAT = "repeat"  # what a customer who buys without a contract is expected to bring in a year
    LIFETIME = "lifetime"  # monthly amount of a customer times the months it stays at the past year's churn


@dataclass(frozen=True)
class Count:
    """What is counted: a happening (see `count.KPI_EVENTS`), those of it that meet `where`.

    `where`: columns and the values allowed, "true" for a flag, "*" for anything filled in. `total`: a column
    that is added up, each row counting 1 without it. `distinct`: a column whose different values are counted.
    `reached`: an instant of the row that must have come.
    """

    of: str
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    total: str | None = None
    distinct: str | None = None
    reached: str | None = None


@dataclass(frozen=True)
class Kpi:
    """One KPI. `unit` is a word, MONEY or SHARE; `controllable`: in a seller's own hands."""

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
        """Whether a team's value is the sum of its people's."""
        return self.shape in (Shape.COUNT, Shape.AMOUNT) and self.count.distinct is None
