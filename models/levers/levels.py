"""What can be moved, how high does each person have it, and how high do the better quarter of peers?

A lever's level of a person leans on the company's by how little is known of the person (an empirical-Bayes
mean on the lever's own scale, DerSimonian & Laird 1986): the top quartile is then of people, not of luck.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from crm.i18n import Text
from crm.instants import DAY, NEVER
from features.arrays import Floats, Ints
from features.kpis import Count, CountedEvents, KpiEvents
from features.kpis.definition import MONEY, SHARE
from models.kpis import RemainingPeriod
from models.statistics import shrunk

_YEAR = 365 * DAY
_MATURE = 60 * DAY  # leads younger than this have not had their time
_MIN_EVENTS = 5.0  # occurrences of which a person's level is told
_MIN_PEERS = 4
_DAYS = Text("日", "days")


@dataclass(frozen=True)
class Lever:
    """Something a team can move. `kpis` of the catalogue in which it shows, the first being its own."""

    id: str
    label: Text
    unit: Text
    kpis: tuple[str, ...]
    is_share: bool = False
    lower_is_better: bool = False
    controllable: bool = True


LEVERS = (
    Lever("leads", Text("リード獲得数", "Leads"), Text("件/営業日", "per working day"), ("leads",)),
    Lever(
        "appointment_rate",
        Text("アポイント獲得率", "Appointment rate"),
        SHARE,
        ("appointments", "calls", "contact_rate", "meeting_rate"),
        is_share=True,
    ),
    Lever(
        "proposals",
        Text("提案到達率", "Share of deals that reach a proposal"),
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
    Lever("amount", Text("受注単価", "Deal size"), MONEY, ("deal_size", "revenue_per_customer")),
    Lever(
        "cycle_time",
        Text("受注までの日数", "Days from creation to win"),
        _DAYS,
        ("won_deals",),
        lower_is_better=True,
    ),
)


@dataclass(frozen=True)
class Level:
    """A lever as it stands, by person (people + 1,): `y` on its own scale (log or log-odds), NaN = unknown.

    `weight`: what each person's level rests on. `top` (people + 1,): the better quartile of the person's
    peers, on the same scale: those of the same selling style, where four of them are known. `scale`: from the
    typical to the mean, for what is read on a log scale.
    """

    lever: Lever
    y: Floats
    weight: Floats
    top: Floats
    scale: float = 1.0

    def step_towards_top(self, share: float, people: Ints) -> Floats:
        """The scale's change (people + 1,) if those people go that share of the way to the top quartile."""
        way = self.y - self.top if self.lever.lower_is_better else self.top - self.y
        step = np.zeros(len(self.y))
        step[people] = np.nan_to_num(np.maximum(way, 0.0))[people] * share
        return -step if self.lever.lower_is_better else step

    def read(self, y: Floats) -> Floats:
        """Levels in the lever's unit."""
        return np.asarray(expit(y) if self.lever.is_share else np.exp(y) * self.scale)

    def of(self, people: Ints, step: Floats | None = None) -> float | None:
        """The level of some people together, after a step; None where nothing is known of them."""
        known = people[~np.isnan(self.y[people]) & (self.weight[people] > 0)]
        if not len(known):
            return None
        values = self.read(self.y + (0.0 if step is None else step))[known]
        if self.lever.id == "leads":
            return float(values.sum())
        return float(np.average(values, weights=self.weight[known]))


def levels_of(happenings: KpiEvents, ahead: RemainingPeriod) -> dict[str, Level]:
    """The levels of all levers that the past year's records tell of."""
    since, until = ahead.moment - _YEAR, ahead.moment
    people = len(ahead.organisation.people) + 1
    found: dict[str, Level] = {}

    def told(name: str, y: Floats, noise: Floats, weight: Floats, scale: float = 1.0) -> None:
        lever = next(one for one in LEVERS if one.id == name)
        levels, top = peer_levels(y, noise, weight, ahead.style, lever.lower_is_better)
        known = ~np.isnan(levels)
        if known.any():
            found[name] = Level(lever, levels, np.where(known, weight, 0.0), top, scale)

    def share(name: str, met: Floats, of: Floats) -> None:
        told(name, *log_odds_by_person(met, of), of)

    leads = happenings.counted(Count("leads.created"))
    if leads.ever_recorded:
        came = leads.by_person(since, until, people)
        year = ahead.working_days_before[ahead.calendar.day_of(np.array([since, until]))]
        worked = np.maximum(ahead.presence_share(year[:1], year[1:])[0] * (year[1] - year[0]), 20.0)
        told("leads", np.log((came + 0.5) / worked), 1 / (came + 0.5), came)
        asked = happenings.counted(Count("leads.created", reached="appointment_at"))
        share("appointment_rate", *_reached_by_person(asked, since - _MATURE, until - _MATURE, people))
    closed = happenings.counted(Count("deals.closed", reached="proposal"))
    share("proposals", *_reached_by_person(closed, since, until, people))
    won = happenings.counted(Count("deals.closed", (("outcome", ("won",)),), reached="proposal"))
    wins, proposed = (_reached_by_person(one, since, until, people)[0] for one in (won, closed))
    share("win_rate", wins, proposed)
    money = happenings.counted(Count("deals.won", total="amount"))
    born = happenings.counted(Count("deals.won", reached="created_at"))
    low, high = np.searchsorted(money.at, [since, until])
    assert born.reached is not None  # noqa: S101 - asked for just above
    who, lasted = born.person[low:high], (born.at - born.reached)[low:high] / DAY
    for name, values in (("amount", money.weight[low:high]), ("cycle_time", np.maximum(lasted, 0.5))):
        use = values > 0
        if use.any():
            y, noise, count = _means(np.log(values[use]), who[use], people)
            told(name, y, noise, count, float(values[use].mean() / np.average(np.exp(y), weights=count)))
    return found


def log_odds_by_person(met: Floats, of: Floats) -> tuple[Floats, Floats]:
    """(log-odds, their variance by chance) of shares by person; the variance is that at everybody's share."""
    together = (met.sum() + 0.5) / (of.sum() + 1.0)
    return logit((met + 0.5) / (of + 1)), 1 / ((of + 1) * together * (1 - together))


def peer_levels(
    y: Floats, noise: Floats, weight: Floats, style: NDArray[np.object_], low: bool
) -> tuple[Floats, Floats]:
    """(levels leaning on peers of the same style, the peers' better quartile), each (people + 1,).

    NaN where too little is known of a person, or of too few peers. `low`: lower is better.
    """
    enough = (weight >= _MIN_EVENTS) & (np.arange(len(y)) < len(y) - 1)
    levels, top = np.full(len(y), np.nan), np.full(len(y), np.nan)
    for one in np.unique(style[enough]):
        peers = enough & (style == one)
        levels[peers] = shrunk(y[peers], noise[peers])
        if peers.sum() >= _MIN_PEERS:
            top[peers] = np.quantile(levels[peers], 0.25 if low else 0.75)
    return levels, top


def _reached_by_person(tally: CountedEvents, first: int, end: int, people: int) -> tuple[Floats, Floats]:
    """(those that got further, all) in [first, end), by person."""
    assert tally.reached is not None  # noqa: S101 - asked for where it is counted
    low, high = np.searchsorted(tally.at, [first, end])
    who, reached = tally.person[low:high], tally.reached[low:high] != NEVER
    return np.bincount(who, reached, people).astype(float), np.bincount(who, minlength=people).astype(float)


def _means(values: Floats, who: Ints, people: int) -> tuple[Floats, Floats, Floats]:
    """(mean, its variance, count) by person."""
    count = np.bincount(who, minlength=people).astype(float)
    mean = np.bincount(who, values, people) / np.maximum(count, 1)
    return mean, float(values.var() + 1e-6) / np.maximum(count, 1), count
