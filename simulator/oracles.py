"""What is the best possible forecast? True win probabilities and revenue distributions, by replay.

No forecast from the log alone can be better: replays continue from the true state, latent parts included.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.business_days import FISCAL_START_MONTH
from simulator.replays import Replay, replay
from simulator.settings import Intervention, WorldSettings
from simulator.simulation import simulate
from simulator.tables import TableBuilder
from simulator.world import World

Period = tuple[date, date]
"""First and last day, both inside."""


@dataclass(frozen=True)
class RevenueDraws:
    """Revenue of one period in each replay, in JPY: won before as_of plus won in the replay.

    company (replays,); teams: a column per team_id (all teams below it included); people: a column per
    person_id known at as_of and, under "", all hired later.
    """

    company: NDArray[np.float64]
    teams: pd.DataFrame
    people: pd.DataFrame


@dataclass(frozen=True)
class Oracle:
    """The true distribution as of the end of a day.

    deals: deal_id, win_probability (at any time), win_by_<last day> for each period, amount_if_won.
    revenue: draws by period. kpis: draws of stages first reached by period, columns as the stages' kpi.
    """

    as_of: date
    replays: int
    deals: pd.DataFrame
    revenue: dict[Period, RevenueDraws]
    kpis: dict[Period, pd.DataFrame] = field(default_factory=dict)


def quarters_from(day: date, count: int = 2, fiscal_start_month: int = FISCAL_START_MONTH) -> list[Period]:
    """The fiscal quarter (from April: same months as calendar quarters) that holds `day`, and those after it.

    >>> quarters_from(date(2026, 11, 20), 1)
    [(datetime.date(2026, 10, 1), datetime.date(2026, 12, 31))]
    >>> quarters_from(date(2026, 1, 1), 1, fiscal_start_month=3)
    [(datetime.date(2025, 12, 1), datetime.date(2026, 2, 28))]
    """
    month = day.year * 12 + day.month - 1
    month -= (month - fiscal_start_month + 1) % 3
    first = date(month // 12, month % 12 + 1, 1)
    out = []
    for _ in range(count):
        after = (first + timedelta(days=95)).replace(day=1)
        out.append((first, after - timedelta(days=1)))
        first = after
    return out


def oracle(
    settings: WorldSettings,
    as_of: date,
    replays: int = 400,
    periods: Iterable[Period] | None = None,
    seed: int = 0,
    intervention: Intervention | None = None,
    world: World | None = None,
) -> Oracle:
    """The true distributions as of the end of `as_of`, from `replays` continuations.

    periods: first and last day, both inside; default the quarter of the next day and the one after it.
    world: a world already simulated exactly to `as_of`, to save simulating it again.
    seed: of the replays; another seed is another sample.
    """
    if world is None or world.settings != settings or world.date_of(world.last_day) != as_of:
        world = simulate(settings, until=as_of)
    chosen = (
        list(periods)
        if periods is not None
        else quarters_from(as_of + timedelta(days=1), fiscal_start_month=settings.fiscal_start_month)
    )
    until = max([last for _, last in chosen] + [as_of])
    return summarise(replay(world, until, replays, seed, intervention), chosen)


def summarise(replayed: Replay, periods: list[Period]) -> Oracle:
    """An Oracle from replays."""
    builder = TableBuilder(replayed.world)
    deals = pd.DataFrame({"deal_id": replayed.deal_ids, "win_probability": replayed.win_probability()})
    for _, last in periods:
        deals[f"win_by_{last}"] = replayed.win_probability(last)
    deals["amount_if_won"] = replayed.amount_if_won()
    teams = builder.team_ids(np.arange(len(replayed.world.organisation.parent))).to_pylist()
    revenue, kpis = {}, {}
    for first, last in periods:
        people = replayed.revenue_by_person(first, last)
        ids = [*builder.person_ids(np.arange(people.shape[1] - 1)).to_pylist(), ""]
        revenue[first, last] = RevenueDraws(
            company=replayed.revenue(first, last),
            teams=pd.DataFrame(replayed.revenue_by_team(first, last), columns=teams),
            people=pd.DataFrame(people, columns=ids),
        )
        kpis[first, last] = _kpis(replayed, first, last)
    return Oracle(replayed.as_of, replayed.replays, deals, revenue, kpis)


def _kpis(replayed: Replay, first: date, last: date) -> pd.DataFrame:
    """Deals that first reached each stage within the part of the period that lies after as_of, per replay."""
    offset = (replayed.as_of + timedelta(days=1) - replayed.world.settings.start).days
    lo = max(replayed.world.day_of(first) - offset, 0)
    hi = max(replayed.world.day_of(last) - offset + 1, 0)
    counts = replayed.funnel[:, lo:hi].sum(axis=1)
    names = ("lead", "appointment", "first_visit", "proposal", "closing", "won")
    return pd.DataFrame(counts[:, : len(names)], columns=list(names))
