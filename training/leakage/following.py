"""Does a column follow what happens to a deal while it is open?

A column known from creation goes with the stage reached, the activity and the silence of deals of an age
by a certain amount, today as at any past moment. One that is kept up to date goes with today's state of open
deals, but with no past state of deals that have ended since: they show what was left in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm.eventlog import EventLog, codes_in, micros
from crm.i18n import Text
from crm.instants import DAY
from features.arrays import Floats, Ints, floats
from features.as_of import sorted_by
from features.attribute_history import EventTable
from training.leakage.facts import MIN_DEALS, DealFacts
from training.leakage.open_deals import SMALLEST, OpenComparison, sum_of_means
from training.leakage.views import normal_scores


@dataclass(frozen=True)
class State:
    """What had happened to the deals (n,) by the present and by each past moment; `label` in words."""

    label: Text
    now: Floats
    past: tuple[Floats, ...]


@dataclass(frozen=True)
class Following:
    """How a column goes with a state of open deals today, and went with it at past moments (correlations)."""

    state: Text
    here: float
    expected: float
    doubts: float

    @property
    def gap(self) -> float:
        """Today minus the past."""
        return self.here - self.expected


def states_of(log: EventLog, rows: Ints, facts: DealFacts, compared: OpenComparison) -> list[State]:
    """Stage reached, days in it, activities so far and days since the last, as of each moment compared."""
    ids = pd.Index(log["deals"]["deal_id"].iloc[rows])
    acts = log["activities"]
    contacts = _Times.of(codes_in(acts["deal_id"], ids), micros(acts["at"]), len(ids))
    events = EventTable(log["deal_events"], ids).of("stage")
    moved = _Times(events.start, events.at)
    order = log["stages"].set_index("stage")["position"].astype(float)
    position = order.reindex(pd.Index(events.value.names, dtype=object)).to_numpy(np.float64)
    reached = events.value.to(floats(position))
    moments = (facts.as_of, *compared.moments)

    def over_time(label: Text, of: Callable[[int], Floats]) -> State:
        found = [of(moment) for moment in moments]
        return State(label, found[0], tuple(found[1:]))

    def stage(moment: int) -> Floats:
        row = moved.last_before(moment)
        return np.where(row >= 0, np.append(reached, np.nan)[row], np.nan)

    states = [
        over_time(Text("活動件数", "the number of activities"), lambda t: floats(contacts.count_before(t))),
        over_time(
            Text("最後の活動からの日数", "the days since the last activity"),
            lambda t: contacts.days_since(t, facts.created),
        ),
        over_time(Text("ステージ", "the stage"), stage),
        over_time(
            Text("現ステージの経過日数", "the days in the stage"),
            lambda t: moved.days_since(t, facts.created),
        ),
    ]
    return [state for state in states if _varies(state.now[~facts.done])]


def following(
    score: Floats, groups: Ints, states: Sequence[State], compared: OpenComparison
) -> Iterator[Following]:
    """How a view of a column goes with each state, today against the past."""
    known = ~np.isnan(score)
    for state in states:
        parts: list[tuple[float, Ints, Floats]] = []
        weights, heres, compared_deals = [], [], 0
        scaled = [_scaled(values) for values in (state.now, *state.past)]
        for stratum in compared.ages:
            cells = [pair[0][known[pair[0]]] for pair in (stratum.now, *stratum.past)]
            products = [
                _products(score, at, cell, compared.created) for at, cell in zip(scaled, cells, strict=True)
            ]
            past = [number for number in range(1, len(cells)) if products[number] is not None]
            if products[0] is None or not past:
                continue
            size = np.array([len(cells[number]) for number in past], np.float64)
            distinct = np.unique(np.concatenate([cells[number] for number in past]))
            weight = 1.0 / (1.0 / len(cells[0]) + 1.0 / len(distinct))
            weights.append(weight)
            heres.append(products[0].mean())
            compared_deals += len(cells[0])
            parts.append((weight, cells[0], products[0]))
            for number, share in zip(past, size / size.sum(), strict=True):
                found = products[number]
                if found is not None:
                    parts.append((-weight * share, cells[number], found))
        total = sum(weights)
        if compared_deals < MIN_DEALS or total <= 0:
            continue
        gap, error = sum_of_means([(weight / total, *rest) for weight, *rest in parts], groups)  # type: ignore[misc]
        here = float(np.average(heres, weights=weights))
        yield Following(state.label, here, here - gap, gap / error)


def _products(score: Floats, state: Floats, cell: Ints, created: Floats) -> Floats | None:
    """Products of both, the age within the cell taken off, in units of their spreads: a correlation's parts."""
    if len(cell) < 2 * SMALLEST:
        return None
    known = ~np.isnan(state[cell])
    if known.sum() < SMALLEST:
        return np.zeros(len(cell))
    filled = np.where(known, state[cell], state[cell][known].mean())
    one, other = _without(score[cell], created[cell]), _without(filled, created[cell])
    spread = one.std() * other.std()
    return one * other / spread if spread > 1e-9 else np.zeros(len(cell))


def _without(values: Floats, time: Floats) -> Floats:
    """What is left of values once their mean and their linear trend over a time are taken off."""
    time, values = time - time.mean(), values - values.mean()
    square = float(time @ time)
    return values - time * (float(values @ time) / square) if square > 0 else values


def _scaled(values: Floats) -> Floats:
    return normal_scores(values, ~np.isnan(values))


def _varies(values: Floats) -> bool:
    known = values[~np.isnan(values)]
    return len(known) >= MIN_DEALS and bool(np.ptp(known) > 0)


@dataclass(frozen=True)
class _Times:
    """Instants of something by deal, CSR, ascending."""

    start: Ints
    at: Ints

    @classmethod
    def of(cls, deal: Ints, at: Ints, deals: int) -> _Times:
        start, order = sorted_by(deal, at, deals)
        return cls(start, at[order])

    def count_before(self, moment: int) -> Ints:
        """How many of each deal (n,) lie before a moment."""
        before = np.concatenate([[0], np.cumsum(self.at < moment)])
        out: Ints = before[self.start[1:]] - before[self.start[:-1]]
        return out

    def last_before(self, moment: int) -> Ints:
        """Row of the last one before a moment, -1 where there is none."""
        count = self.count_before(moment)
        return np.where(count > 0, self.start[:-1] + count - 1, -1)

    def days_since(self, moment: int, created: Ints) -> Floats:
        """Days since the last one before a moment, or since creation."""
        row = self.last_before(moment)
        last = np.where(row >= 0, np.append(self.at, 0)[row], created)
        return (moment - last) / DAY
