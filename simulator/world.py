"""What does a simulated organisation consist of: settings, ground truth, current state and log?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from simulator.ground_truth import GroundTruth
from simulator.log import Log
from simulator.organisation import Organisation
from simulator.settings import WorldSettings


@dataclass
class State:
    """Everything the next day depends on, for one world or for many replays side by side.

    Structured arrays as in `state_arrays`: market (worlds,), seats (worlds, seats), teams (worlds, teams),
    customers (worlds, accounts), else one element per unit with its `world`. `day` is the next to simulate.
    """

    day: int
    market: NDArray[np.void]
    teams: NDArray[np.float64]
    seats: NDArray[np.void]
    next_person: NDArray[np.int32]
    next_lead: NDArray[np.int32]
    next_deal: int
    next_contract: int
    customers: NDArray[np.int16]
    deals: NDArray[np.void]
    leads: NDArray[np.void]
    contracts: NDArray[np.void]
    levers: NDArray[np.void]
    bottlenecks: NDArray[np.void]
    new_business: bool = True
    """Whether leads arrive and contracts lead to deals; without, open deals run to their end."""


@dataclass
class World:
    """A simulated organisation: settings, ground truth and all that happened, latent state included."""

    settings: WorldSettings
    organisation: Organisation
    ground_truth: GroundTruth
    calendar: NDArray[np.void]
    state: State
    log: Log

    @property
    def last_day(self) -> int:
        """The last simulated day, counted from the first (0)."""
        return self.state.day - 1

    def date_of(self, day: int) -> date:
        """The date of a day."""
        return self.settings.start + timedelta(days=int(day))

    def day_of(self, when: date) -> int:
        """The day of a date."""
        return (when - self.settings.start).days


def current_deals(world: World) -> NDArray[np.void]:
    """The current row of every deal so far, latent state included, by number: shape (deals,)."""
    deals = world.log.deals[: world.state.next_deal].copy()
    deals[world.state.deals["serial"]] = world.state.deals
    return deals
