"""How high will a KPI be when the period ends, and how likely does it reach its target?

What the period has so far, and draws of what is still to come, by person: a scope's are the sums of its
people's. What deals bring is read off the joint simulation of the forecast, in the same scenarios.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from crm.instants import DAY
from crm.periods import Period, previous
from features.arrays import Floats
from features.kpis import Count, Kpi, KpiEvents, Shape, parts_of, value_of
from models.forecast.simulate import Simulation, draw_wins
from models.kpis.counts import SCENARIOS, Draws, RemainingPeriod, forecast_count
from models.kpis.shares import cohort_of, conversion_share

_TREND_PERIODS = 8  # periods before this one
_YEAR = 365 * DAY
_LOG_SD, _PRIOR_LOOKS = 0.05, 2.0  # believed change of a level over the stretch, and what that weighs
_CHURN_SD = 0.3  # believed spread of the log hazard of leaving: one year says little of it
REVENUE = "revenue"


@dataclass(frozen=True)
class KpiForecast:
    """A KPI of a scope: its value so far (None where nothing measures it) and draws of it at the end."""

    value: float | None
    draws: Floats | None

    def probability(self, target: float, lower_is_better: bool) -> float | None:
        """Share of the scenarios that reach the target."""
        if self.draws is None:
            return None
        met = self.draws <= target if lower_is_better else self.draws >= target
        return float(met.mean())


@dataclass(frozen=True)
class KpiForecasts:
    """All KPIs of one moment and period. Keeps what it has drawn.

    `simulation` is the forecast's; `kpi_events` those before the moment.
    """

    simulation: Simulation
    kpi_events: KpiEvents
    remaining: RemainingPeriod
    period: Period
    _drawn: dict[Kpi, tuple[Draws, Draws | None]] = field(default_factory=dict)
    _counts: dict[Count, Draws] = field(default_factory=dict)

    def of(self, kpi: Kpi, scope: str) -> KpiForecast:
        """A KPI of a scope. Draws of counts, amounts and means are (S,), revenue's those of the forecast."""
        members = self._marked(scope)
        first, end, moment = self._bounds(self.period)
        parts = parts_of(kpi, self.kpi_events, first, end, moment, members)
        if parts is None:
            return KpiForecast(None, None)
        top, bottom = parts
        value = top if bottom is None else top / bottom if bottom > 0 else None
        people = np.flatnonzero(members)
        if kpi.id == REVENUE:
            return KpiForecast(value, self.simulation.total(people))
        if kpi.shape in (Shape.LEVEL, Shape.LIFETIME, Shape.REPEAT):
            return KpiForecast(value, None if value is None else value * self._wander(kpi, members))
        over, under = self._ahead_of(kpi)
        if bottom is None or under is None:
            return KpiForecast(value, top + over[people].sum(0, dtype=np.float64))
        whole = bottom + under[people].sum(0, dtype=np.float64)
        some = whole > 0
        if some.mean() < 0.5:
            return KpiForecast(value, None)
        draws = (top + over[people].sum(0, dtype=np.float64))[some] / whole[some]
        return KpiForecast(value, draws)

    def trend(self, kpi: Kpi, scope: str) -> list[tuple[Period, float | None]]:
        """The KPI in the periods before this one, oldest first, as they are known now."""
        members = self._marked(scope)
        found = []
        for back in range(_TREND_PERIODS, 0, -1):
            then = previous(self.period, back)
            first, end, moment = self._bounds(then)
            found.append((then, value_of(kpi, self.kpi_events, first, end, moment, members)))
        return found

    def _bounds(self, period: Period) -> tuple[int, int, int]:
        zone = self.remaining.calendar.zone
        return period.start(zone), period.end(zone), self.remaining.moment

    def _marked(self, scope: str) -> NDArray[np.bool_]:
        members = np.zeros(len(self.remaining.organisation.people) + 1, bool)
        members[self.remaining.organisation.members(scope)] = True
        return members

    def _ahead_of(self, kpi: Kpi) -> tuple[Draws, Draws | None]:
        """(numerator, denominator) still to come, by person and scenario."""
        if kpi not in self._drawn:
            self._drawn[kpi] = self._draw(kpi)
        return self._drawn[kpi]

    def _draw(self, kpi: Kpi) -> tuple[Draws, Draws | None]:
        tally, per, ahead = self.kpi_events.counted, kpi.per, self.remaining
        match kpi.shape:
            case Shape.COHORT:
                came, first = tally(kpi.count), self.period.start(ahead.calendar.zone)
                cohort, more = (
                    cohort_of(came, first, ahead),
                    self.future_draws(replace(kpi.count, reached=None)),
                )
                later = cohort.from_waiting(came, first, ahead, f"{kpi.id} later")
                return later + cohort.of_new(more, ahead, f"{kpi.id} new"), more
            case Shape.CHURN:
                leaving = self._leaving(kpi)
                return leaving, np.zeros_like(leaving)
            case Shape.RATE:
                assert per is not None  # noqa: S101 - a rate has a denominator
                if kpi.count.of == "deals.won" and per.of == "deals.closed":
                    won = self.future_draws(kpi.count)
                    lost = Count("deals.closed", (*per.where, ("outcome", ("lost",))))
                    return won, won + self.future_draws(lost)
                under = self.future_draws(per)
                share = conversion_share(tally(kpi.count), tally(per), ahead)
                return share.of(under, ahead, kpi.id), under
        return self.future_draws(kpi.count), None if per is None else self.future_draws(per)

    def future_draws(self, count: Count) -> Draws:
        """Weight of a count still to come in the period, by person and scenario."""
        if count not in self._counts:
            if count.of == "deals.won":
                draws = self._wins(count)
            else:
                plain = replace(count, distinct=None)
                draws = forecast_count(self.kpi_events.counted(plain), self.remaining).draw(
                    self.remaining, repr(count)
                )
            self._counts[count] = draws * np.float32(self._different(count))
        return self._counts[count]

    def _wins(self, count: Count) -> Draws:
        """Deals won, or what they bring, in the simulation's own scenarios."""
        made, first = self.simulation, slice(0, SCENARIOS)
        mine = self.kpi_events.meets_conditions("deals", made.pipeline.deal_ids, count.where)
        wins, revenue = draw_wins(made, mine)
        new_revenue, new_wins = made.new.draw_revenue(made.new_rate, made.seed)
        share = self._share_of_wins(count)
        if share < 1:
            rng = self.remaining.rng(repr(count))
            taken = rng.binomial(new_wins[:, first].astype(np.int64), share).astype(np.float32)
            part = taken / np.maximum(new_wins[:, first], 1)
        else:
            taken, part = new_wins[:, first], np.ones((1, 1))
        if count.total == "amount":
            return (revenue[:, first] + new_revenue[:, first] * part).astype(np.float32)
        drawn = (wins[:, first] + taken).astype(np.float32)
        if count.total is None:
            return drawn
        weight = self.kpi_events.counted(count).weight
        return drawn * np.float32(weight.mean() if len(weight) else 0.0)

    def _share_of_wins(self, count: Count) -> float:
        """Share of the past year's wins that meet a count's conditions."""
        if not count.where:
            return 1.0
        since, every = self.remaining.moment - _YEAR, self._marked("company")
        mine, all_wins = (
            self.kpi_events.counted(Count("deals.won", where)).total_between(
                since, self.remaining.moment, every
            )
            for where in (count.where, ())
        )
        return (mine + 0.1) / (all_wins + 0.2) if all_wins else 0.0

    def _different(self, count: Count) -> float:
        """How many different ones an occurrence brings, by the past like periods."""
        if count.distinct is None:
            return 1.0
        every, different, all_of = self._marked("company"), 0.0, 0.0
        for back in range(1, 5):
            first, end, _ = self._bounds(previous(self.period, back))
            different += self.kpi_events.counted(count).total_between(first, end, every)
            all_of += self.kpi_events.counted(replace(count, distinct=None)).total_between(first, end, every)
        return different / all_of if all_of else 1.0

    def _leaving(self, kpi: Kpi) -> Draws:
        """Customers of the period's start that are still there and will leave by its end."""
        running, ahead = self.kpi_events.counted(kpi.count), self.remaining
        people = len(ahead.organisation.people) + 1
        first = self.period.start(ahead.calendar.zone)
        every = self._marked("company")
        year = max(ahead.moment - _YEAR, int(running.at.min(initial=ahead.moment)))
        looks = np.linspace(year, ahead.moment, 13).astype(np.int64)
        kept = [running.active_keys(int(at), every) for at in looks]
        lost = sum(len(np.setdiff1d(kept[n], kept[n + 1])) for n in range(12))
        exposure = sum(len(then) for then in kept[:-1]) * (ahead.moment - year) / 12
        hazard = (lost + 0.5) / max(exposure, 1.0)
        rng = ahead.rng(kpi.id)
        swing = np.exp(_CHURN_SD * rng.standard_normal(SCENARIOS) - _CHURN_SD**2 / 2)
        chance = 1 - np.exp(-hazard * (ahead.end - ahead.start) * swing)
        out = np.zeros((people, SCENARIOS), np.float32)
        for person in range(people):
            own = np.arange(people) == person
            there = np.intersect1d(running.active_keys(first, own), running.active_keys(ahead.moment, own))
            if len(there):
                out[person] = rng.binomial(len(there), chance)
        return out

    def _wander(self, kpi: Kpi, members: NDArray[np.bool_]) -> Floats:
        """Factors (S,) on a level by the period's end: as it changed over past stretches of that length."""
        length = max(self.remaining.end - self.remaining.moment, 0)
        if not length:
            return np.ones(SCENARIOS)
        looks = [self.remaining.moment - length * back for back in range(_TREND_PERIODS + 1)]
        known = [value_of(kpi, self.kpi_events, at, at, self.remaining.moment, members) for at in looks]
        levels = [one for one in known if one is not None and 0 < one < np.inf]
        steps = np.diff(np.log(levels)) if len(levels) > 1 else np.zeros(0)
        prior = _LOG_SD**2 * length / (90 * DAY)
        variance = (float((steps**2).sum()) + _PRIOR_LOOKS * prior) / (len(steps) + _PRIOR_LOOKS)
        normal = self.remaining.rng(kpi.id).standard_normal(SCENARIOS)
        return np.asarray(np.exp(np.sqrt(variance) * normal))
