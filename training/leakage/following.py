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

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.i18n import Text
from crm.instants import DAY
from features.arrays import Flags, Floats, Ints, floats
from features.as_of import sorted_by
from features.attribute_history import EventTable
from training.leakage.cohorts import Cohorts
from training.leakage.facts import MIN_DEALS, DealFacts
from training.leakage.open_deals import OpenComparison
from training.leakage.views import normal_scores


@dataclass(frozen=True)
class State:
    """What had happened to the deal of each entry (l,) of the open cohorts by its moment: normal scores."""

    label: Text
    entries: Floats


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


def states_of(
    log: EventLog, events: EventTable, rows: Ints, facts: DealFacts, compared: OpenComparison
) -> list[State]:
    """Stage reached, days in it, activities so far and days since the last, as of each moment compared."""
    if compared.ages is None:
        return []
    ids = pd.Index(log["deals"]["deal_id"].iloc[rows])
    acts = log["activities"]
    contacts = _Times.of(codes_in(acts["deal_id"], ids), micros(acts["at"]), len(ids))
    staged = events.of("stage")
    moved = _Times(staged.start, staged.at)
    order = log["stages"].set_index("stage")["position"].astype(float)
    position = order.reindex(pd.Index(staged.value.names, dtype=object)).to_numpy(np.float64)
    reached = staged.value.to(floats(position))
    cohorts = compared.ages.only_open
    moments = (facts.as_of, *cohorts.past)
    moment = cohorts.cell % len(moments)

    def over_time(label: Text, of: Callable[[int], Floats]) -> State:
        entries = np.full(len(cohorts.row), np.nan)
        for number, at in enumerate(moments):
            here = moment == number
            values = of(at)[cohorts.row[here]]
            entries[here] = normal_scores(values, ~np.isnan(values))
        return State(label, entries)

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
    return [state for state in states if _varies(state.entries[moment == 0])]


def following(
    score: Floats, groups: Ints, states: Sequence[State], compared: OpenComparison
) -> Iterator[Following]:
    """How a view of a column goes with each state, today against the past."""
    if compared.ages is None or not states:
        return
    cohorts = compared.ages.only_open
    known_rows = ~np.isnan(score)
    known, age = known_rows[cohorts.row], compared.created[cohorts.row]
    one = _within_cells(score[cohorts.row], age, known, cohorts)
    for state in states:
        filled = known & ~np.isnan(state.entries)
        usual, _ = cohorts.means(state.entries, filled)
        values = np.where(filled, state.entries, usual[cohorts.cell])
        other = _within_cells(values, age, known, cohorts)
        product = one * other
        found = cohorts.difference(product, known, product, known_rows, groups)
        if found is not None:
            yield Following(state.label, found.here, found.here - found.gap, found.gap / found.error)


def _within_cells(values: Floats, age: Floats, known: Flags, cohorts: Cohorts) -> Floats:
    """Values of entries from their cell's mean and trend over age, in units of their spread; 0 = constant."""

    def centred(of: Floats) -> Floats:
        return np.where(known, of - cohorts.means(of, known)[0][cohorts.cell], 0.0)

    value, time = centred(np.where(known, values, 0.0)), centred(age)
    square, both = (cohorts.means(time * of, known)[0] for of in (time, value))
    value = value - time * (both / np.maximum(square, 1e-12))[cohorts.cell]
    spread = np.sqrt(cohorts.means(value**2, known)[0])
    return np.where(spread[cohorts.cell] > 1e-6, value / np.maximum(spread, 1e-6)[cohorts.cell], 0.0)


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
        known = deal >= 0
        start, order = sorted_by(deal[known], at[known], deals)
        return cls(start, at[known][order])

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
