"""Which organisation is simulated, for how long, and what is changed in it when it is replayed?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

DEFAULT_DAYS = 1096
"""Three years, leap day included."""


def yesterday() -> date:
    """Yesterday in Asia/Tokyo: the last day an organisation there has recorded completely."""
    return datetime.now(ZoneInfo("Asia/Tokyo")).date() - timedelta(days=1)


@dataclass(frozen=True)
class WorldSettings:
    """What makes a world: the same settings give the same world, byte for byte.

    deals: about how many deals are created in `days` days ending with `end` (its last day, inclusive).
    The organisation's size follows deals per day, so a longer world with the same seed, first day and deals
    per day begins with the same history.
    bottlenecks: how many slow intervals that kill deals are planted (0 = none).
    bottleneck_pp: percentage points of win chance that each takes from the deals that fall into it.
    """

    deals: int = 10_000
    seed: int = 1
    end: date = field(default_factory=yesterday)
    days: int | None = None
    bottlenecks: int = 2
    bottleneck_pp: float = 20.0

    def __post_init__(self) -> None:
        faults = []
        if self.deals < 1:
            faults.append(f"deals: expected 1 or more, got {self.deals}")
        if self.days is not None and self.days < 1:
            faults.append(f"days: expected 1 or more, got {self.days}")
        if not 0 <= self.seed < 2**63:
            faults.append(f"seed: expected 0 to 2^63 - 1, got {self.seed}")
        if not 0 <= self.bottlenecks <= 6:
            faults.append(f"bottlenecks: expected 0 to 6, got {self.bottlenecks}")
        if not 0 < self.bottleneck_pp <= 30:
            faults.append(f"bottleneck_pp: expected above 0 and at most 30, got {self.bottleneck_pp}")
        if faults:
            raise ValueError("; ".join(faults))

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
    """What is done differently in a replay. The default changes nothing.

    force: (deal_id, action): the action happens on that deal once within `within_days` days.
    forbid: (deal_id, action): that action does not happen on that deal during those days.
    Action names are those of `simulator.catalog.ACTIONS`.
    drop_bottlenecks: numbers (0, 1, ...) of planted bottlenecks that kill no more deals from now on.
    lead_inflow, appointment_rate, activity, amount: factors (1 = as it is) on leads per day, on the chance
    that a contacted lead agrees to meet, on how often sellers act, on the price of deals not yet created.
    skill: standard deviations of closing skill added to every seller.
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

    def __post_init__(self) -> None:
        for name in ("lead_inflow", "appointment_rate", "activity", "amount"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: expected a factor of 0 or more, got {getattr(self, name)}")
        if self.within_days < 1:
            raise ValueError(f"within_days: expected 1 or more, got {self.within_days}")
        for name in ("force", "forbid"):
            chosen = [deal for deal, _ in getattr(self, name)]
            if len(set(chosen)) < len(chosen):
                raise ValueError(f"{name}: expected one action per deal, got a deal twice")
