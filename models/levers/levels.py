"""Which levers are there, what is each person's level, and what is the top quartile of their peers?

A person's level is shrunk towards the peers' mean, more with fewer data (an empirical-Bayes mean on the
lever's own scale, DerSimonian & Laird 1986), so that the top quartile reflects people and not chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from crm.i18n import Text
from crm.instants import DAY, NEVER
from crm.kpi_units import MONEY, SHARE
from features.arrays import Floats, Ints
from features.kpis import Count, CountedEvents, KpiEvents
from models.kpis import RemainingPeriod
from models.statistics import shrunk

_YEAR = 365 * DAY
_MATURE = 60 * DAY  # younger leads are too recent to count
_MIN_EVENTS = 5.0  # events needed for a person's level
_MIN_PEERS = 4
_DAYS = Text("日", "days")


@dataclass(frozen=True)
class Lever:
    """Something a team can change. `kpis` of the catalogue that it affects, the first being its own."""

    id: str
    label: Text
    unit: Text
    kpis: tuple[str, ...]
    is_share: bool = False
    lower_is_better: bool = False
    controllable: bool = True


LEVERS = (
    Lever("leads", Text("リード獲得ペース", "New leads"), Text("件/営業日", "per working day"), ("leads",)),
    Lever(
        "appointment_rate",
        Text("アポ獲得率（リード→アポ）", "Appointment rate (lead to appointment)"),
        SHARE,
        ("appointments", "calls", "contact_rate", "meeting_rate"),
        is_share=True,
    ),
    Lever(
        "proposals",
        Text("提案率（商談→提案）", "Proposal rate (deal to proposal)"),
        SHARE,
        ("proposals", "first_visits", "visits", "effective_meetings"),
        is_share=True,
    ),
    Lever(
        "win_rate",
        Text("提案後の受注率", "Win rate after a proposal"),
        SHARE,
        ("win_rate", "closings"),
        is_share=True,
    ),
    Lever(
        "amount",
        Text("受注単価（標準水準）", "Deal size (usual level)"),
        MONEY,
        ("deal_size", "revenue_per_customer"),
    ),
    Lever(
        "cycle_time",
        Text("受注リードタイム", "Days to win"),
        _DAYS,
        ("won_deals",),
        lower_is_better=True,
    ),
)


@dataclass(frozen=True)
class Level:
    """A lever's current levels by person (people + 1,): `y` on a log or log-odds scale, NaN = unknown.

    `weight`: number of events behind each person's level. `top` (people + 1,): the top quartile of the
    person's peers, on the same scale: people of the same selling style, if at least four are known. `scale`:
    ratio of the mean to the typical value, for log scales.
    """

    lever: Lever
    y: Floats
    weight: Floats
    top: Floats
    scale: float = 1.0

    def step_towards_top(self, share: float, people: Ints) -> Floats:
        """The change of `y` (people + 1,) if those people go that share of the way to the top quartile."""
        way = self.y - self.top if self.lever.lower_is_better else self.top - self.y
        step = np.zeros(len(self.y))
        step[people] = np.nan_to_num(np.maximum(way, 0.0))[people] * share
        return -step if self.lever.lower_is_better else step

    def read(self, y: Floats) -> Floats:
        """Levels in the lever's unit."""
        return np.asarray(expit(y) if self.lever.is_share else np.exp(y) * self.scale)

    def of(self, people: Ints, step: Floats | None = None) -> float | None:
        """The joint level of some people, after a step; None where it is unknown."""
        known = people[~np.isnan(self.y[people]) & (self.weight[people] > 0)]
        if not len(known):
            return None
        values = self.read(self.y + (0.0 if step is None else step))[known]
        if self.lever.id == "leads":
            return float(values.sum())
        return float(np.average(values, weights=self.weight[known]))


def levels_of(happenings: KpiEvents, remaining: RemainingPeriod) -> dict[str, Level]:
    """The levels of all levers with records in the past year."""
    since, until = remaining.moment - _YEAR, remaining.moment
    people = len(remaining.organisation.people) + 1
    levels_by_lever: dict[str, Level] = {}

    def add_level(name: str, y: Floats, noise: Floats, weight: Floats, scale: float = 1.0) -> None:
        lever = next(one for one in LEVERS if one.id == name)
        levels, top = peer_levels(y, noise, weight, remaining.style, lever.lower_is_better)
        known = ~np.isnan(levels)
        if known.any():
            levels_by_lever[name] = Level(lever, levels, np.where(known, weight, 0.0), top, scale)

    def add_share(name: str, met: Floats, of: Floats) -> None:
        add_level(name, *log_odds_by_person(met, of), of)

    leads = happenings.counted(Count("leads.created"))
    if leads.ever_recorded:
        lead_count = leads.by_person(since, until, people)
        year = remaining.working_days_before[remaining.calendar.day_of(np.array([since, until]))]
        worked = np.maximum(remaining.presence_share(year[:1], year[1:])[0] * (year[1] - year[0]), 20.0)
        add_level("leads", np.log((lead_count + 0.5) / worked), 1 / (lead_count + 0.5), lead_count)
        with_appointments = happenings.counted(Count("leads.created", reached="appointment_at"))
        add_share(
            "appointment_rate",
            *_reached_by_person(with_appointments, since - _MATURE, until - _MATURE, people),
        )
    closed = happenings.counted(Count("deals.closed", reached="proposal"))
    add_share("proposals", *_reached_by_person(closed, since, until, people))
    won = happenings.counted(Count("deals.closed", (("outcome", ("won",)),), reached="proposal"))
    wins, proposed = (_reached_by_person(one, since, until, people)[0] for one in (won, closed))
    add_share("win_rate", wins, proposed)
    amounts = happenings.counted(Count("deals.won", total="amount"))
    created = happenings.counted(Count("deals.won", reached="created_at"))
    low, high = np.searchsorted(amounts.at, [since, until])
    assert created.reached is not None  # noqa: S101 - counted with it above
    person, cycle_days = created.person[low:high], (created.at - created.reached)[low:high] / DAY
    for name, values in (("amount", amounts.weight[low:high]), ("cycle_time", np.maximum(cycle_days, 0.5))):
        use = values > 0
        if use.any():
            y, noise, count = _means(np.log(values[use]), person[use], people)
            add_level(name, y, noise, count, float(values[use].mean() / np.average(np.exp(y), weights=count)))
    return levels_by_lever


def log_odds_by_person(met: Floats, total: Floats) -> tuple[Floats, Floats]:
    """(log-odds, their variance by chance) of shares by person; the variance is that at the overall share."""
    overall = (met.sum() + 0.5) / (total.sum() + 1.0)
    return logit((met + 0.5) / (total + 1)), 1 / ((total + 1) * overall * (1 - overall))


def peer_levels(
    y: Floats, noise: Floats, weight: Floats, style: NDArray[np.object_], low: bool
) -> tuple[Floats, Floats]:
    """(levels shrunk towards peers of the same style, the peers' top quartile), each (people + 1,).

    NaN with too few events of a person, or too few peers. `low`: lower is better.
    """
    enough = (weight >= _MIN_EVENTS) & (np.arange(len(y)) < len(y) - 1)
    levels, top = np.full(len(y), np.nan), np.full(len(y), np.nan)
    for peer_style in np.unique(style[enough]):
        peers = enough & (style == peer_style)
        levels[peers] = shrunk(y[peers], noise[peers])
        if peers.sum() >= _MIN_PEERS:
            top[peers] = np.quantile(levels[peers], 0.25 if low else 0.75)
    return levels, top


def _reached_by_person(tally: CountedEvents, first: int, end: int, people: int) -> tuple[Floats, Floats]:
    """(events that reached the step, all) in [first, end), by person."""
    assert tally.reached is not None  # noqa: S101 - its count has it
    low, high = np.searchsorted(tally.at, [first, end])
    person, reached = tally.person[low:high], tally.reached[low:high] != NEVER
    return np.bincount(person, reached, people).astype(float), np.bincount(person, minlength=people).astype(
        float
    )


def _means(values: Floats, person: Ints, people: int) -> tuple[Floats, Floats, Floats]:
    """(mean, its variance, count) by person."""
    count = np.bincount(person, minlength=people).astype(float)
    mean = np.bincount(person, values, people) / np.maximum(count, 1)
    return mean, float(values.var() + 1e-6) / np.maximum(count, 1), count
