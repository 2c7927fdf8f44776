"""Which organisation is simulated, for how long, and what is changed in it when it is replayed?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from simulator.business_days import FISCAL_START_MONTH
from simulator.catalog import MORE

DEFAULT_DAYS = 1096
"""Three years, leap day included."""
MAX_DAYS = 20_000
USUAL_STYLES = (0.72, 0.28, 0.26)
FIELD_HEAVY, INSIDE_HEAVY = (0.90, 0.10, 0.10), (0.45, 0.20, 0.70)
FIRST_END, LAST_END = date(1970, 1, 1), date(2080, 12, 31)
"""Bounds of the last day: Japan's holidays are known from 1949 to 2099, and the calendar runs 12 years on."""


def yesterday() -> date:
    """Yesterday in Asia/Tokyo: the last day an organisation there has recorded completely."""
    return datetime.now(ZoneInfo("Asia/Tokyo")).date() - timedelta(days=1)


@dataclass(frozen=True)
class WorldSettings:
    """What defines a world: the same settings give the same world, byte for byte.

    deals: about how many deals are created in `days` days ending with `end` (its last day, inclusive).
    The organisation's size follows deals per day, so a longer world with the same seed, first day and deals
    per day begins with the same history.
    bottlenecks: how many bottlenecks are planted (0 = none), intervals in which staying too long loses deals.
    bottleneck_pp: percentage points of win probability that each takes from the deals that fall into it.
    moods: how strongly the moods of the market and of the teams move, as a factor (0 = never).
    divisions: whether teams stand below divisions and these below the head office, or all beside it.
    fiscal_start_month: where the fiscal year begins, with it the quarters, their targets and closing rush.
    styles: people of field, route and inside sales, each as a share of the sellers that the deals need
    (FIELD_HEAVY and INSIDE_HEAVY are organisations of other shapes).
    """

    deals: int = 10_000
    seed: int = 1
    end: date = field(default_factory=yesterday)
    days: int | None = None
    bottlenecks: int = 2
    bottleneck_pp: float = 20.0
    moods: float = 1.0
    divisions: bool = True
    fiscal_start_month: int = FISCAL_START_MONTH
    styles: tuple[float, float, float] = USUAL_STYLES

    def __post_init__(self) -> None:
        problems = []
        if self.deals < 1:
            problems.append(f"deals: expected 1 or more, got {self.deals}")
        if self.days is not None and not 1 <= self.days <= MAX_DAYS:
            problems.append(f"days: expected 1 to {MAX_DAYS}, got {self.days}")
        if not FIRST_END <= self.end <= LAST_END:
            problems.append(f"end: expected {FIRST_END} to {LAST_END}, got {self.end}")
        if not 0 <= self.seed < 2**63:
            problems.append(f"seed: expected 0 to 2^63 - 1, got {self.seed}")
        if not 0 <= self.bottlenecks <= 6:
            problems.append(f"bottlenecks: expected 0 to 6, got {self.bottlenecks}")
        if not 0 < self.bottleneck_pp <= 30:
            problems.append(f"bottleneck_pp: expected above 0 and at most 30, got {self.bottleneck_pp}")
        if not 0 <= self.moods <= 10:
            problems.append(f"moods: expected 0 to 10, got {self.moods}")
        if not 1 <= self.fiscal_start_month <= 12:
            problems.append(f"fiscal_start_month: expected 1 to 12, got {self.fiscal_start_month}")
        if not (len(self.styles) == 3 and all(0 < share <= 2 for share in self.styles)):
            problems.append(f"styles: expected three shares above 0 and at most 2, got {self.styles}")
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def length(self) -> int:
        """Days simulated."""
        return DEFAULT_DAYS if self.days is None else self.days

    @property
    def start(self) -> date:
        """The first day."""
        return self.end - timedelta(days=self.length - 1)

    @property
    def deals_per_day(self) -> float:
        """Deals created per calendar day, averaged over a nominal three years of growth."""
        return self.deals / self.length


@dataclass(frozen=True)
class Intervention:
    """What a replay changes. The default changes nothing.

    force: (deal_id, action): the action happens on that deal once within `within_days` days.
    forbid: (deal_id, action): that action does not happen on that deal during those days.
    Action names are those of `simulator.catalog.ACTIONS`.
    drop_bottlenecks: numbers (0, 1, ...) of planted bottlenecks that lose no more deals from now on.
    lead_inflow, appointment_rate, activity, amount: factors (1 = unchanged) on leads per day, on the
    chance that a contacted lead agrees to meet, on how often sellers act, on the price of later deals.
    skill: standard deviations of closing skill added to every seller.
    more: one of `simulator.catalog.MORE` and how many times as often all sellers do it (1 = unchanged).
    """

    force: Sequence[tuple[str, str]] = ()
    forbid: Sequence[tuple[str, str]] = ()
    within_days: int = 14
    drop_bottlenecks: tuple[int, ...] = ()
    lead_inflow: float = 1.0
    appointment_rate: float = 1.0
    activity: float = 1.0
    amount: float = 1.0
    skill: float = 0.0
    more: tuple[str, float] | None = None

    def __post_init__(self) -> None:
        for name in ("lead_inflow", "appointment_rate", "activity", "amount"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: expected a factor of 0 or more, got {getattr(self, name)}")
        if self.more is not None and not (self.more[0] in MORE and self.more[1] >= 1):
            raise ValueError(f"more: expected one of {MORE} and 1 or more times, got {self.more}")
        if self.within_days < 1:
            raise ValueError(f"within_days: expected 1 or more, got {self.within_days}")
        for name in ("force", "forbid"):
            deal_ids = [deal for deal, _ in getattr(self, name)]
            if len(set(deal_ids)) < len(deal_ids):
                raise ValueError(f"{name}: expected one action per deal, got a deal twice")
