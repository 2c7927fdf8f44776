"""What will the value of a KPI be at the period's end, and how likely is it to reach its target?

Values so far, and draws of the remaining part, by person: a scope's are the sums of its people's. Wins and
revenue come from the joint simulation of the forecast, in the same scenarios.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crm.instants import DAY
from crm.periods import Period, previous
from features.arrays import Floats
from features.kpis import Count, Kpi, KpiEvents, Shape, parts_of, value_of
from features.kpis.count import Conditions
from models.forecast.new_business_rates import Rates
from models.forecast.simulate import Simulation, draw_wins
from models.kpis.counts import SCENARIOS, CountForecast, Draws, RemainingPeriod, forecast_count
from models.kpis.shares import cohort_of, conversion_share
from models.statistics import never_certain

_TREND_PERIODS = 8  # periods before this one
_YEAR = 365 * DAY
_LOG_SD, _PRIOR_LOOKS = 0.05, 2.0  # prior sd of a level's log change over 90 days, and its weight
_CHURN_SD = 0.3  # prior sd of the log churn hazard, which one year hardly determines
REVENUE = "revenue"


@dataclass(frozen=True)
class KpiForecast:
    """A KPI of a scope: its value so far (None where it cannot be measured) and draws of its final value."""

    value: float | None
    draws: Floats | None

    def probability(self, target: float, lower_is_better: bool) -> float | None:
        """Share of the scenarios that reach the target, strictly between 0 and 1."""
        if self.draws is None:
            return None
        met = self.draws <= target if lower_is_better else self.draws >= target
        return never_certain(float(met.mean()), len(met))


@dataclass(frozen=True)
class KpiForecasts:
    """The forecasts of all KPIs for one moment and period; draws are cached.

    `simulation` is the revenue forecast's; `kpi_events` the events before the moment.
    """

    simulation: Simulation
    kpi_events: KpiEvents
    remaining: RemainingPeriod
    period: Period
    _drawn: dict[Kpi, tuple[Draws, Draws | None]] = field(default_factory=dict)
    _counts: dict[Count, Draws] = field(default_factory=dict)
    _won: dict[Conditions, tuple[Floats, Floats]] = field(default_factory=dict)
    _forecasts: dict[Count, tuple[CountForecast, Draws]] = field(default_factory=dict)
    _before: Mapping[Count, tuple[CountForecast, Draws]] = field(default_factory=dict)

    @classmethod
    def after(
        cls,
        simulation: Simulation,
        kpi_events: KpiEvents,
        remaining: RemainingPeriod,
        period: Period,
        before: KpiForecasts | None,
    ) -> KpiForecasts:
        """The forecasts, with the draws of before of counts that are forecast as they were."""
        drawn: Mapping[Count, tuple[CountForecast, Draws]] = {}
        if before is not None and before.remaining.is_same(remaining):
            drawn = {**before._before, **before._forecasts}
        return cls(simulation, kpi_events, remaining, period, _before=drawn)

    def of(self, kpi: Kpi, scope: str) -> KpiForecast:
        """A KPI of a scope. Draws are (S,), for revenue those of the revenue forecast."""
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
            return KpiForecast(value, None if value is None else value * self._level_factors(kpi, members))
        future_top, future_bottom = self._future_parts(kpi)
        if bottom is None or future_bottom is None:
            return KpiForecast(value, top + future_top[people].sum(0, dtype=np.float64))
        bottoms = bottom + future_bottom[people].sum(0, dtype=np.float64)
        defined = bottoms > 0
        if defined.mean() < 0.5:
            return KpiForecast(value, None)
        draws = (top + future_top[people].sum(0, dtype=np.float64))[defined] / bottoms[defined]
        return KpiForecast(value, draws)

    def trend(self, kpi: Kpi, scope: str) -> list[tuple[Period, float | None]]:
        """The KPI in the periods before this one, oldest first, as they are known now."""
        members = self._marked(scope)
        values = []
        for back in range(_TREND_PERIODS, 0, -1):
            earlier = previous(self.period, back)
            first, end, moment = self._bounds(earlier)
            values.append((earlier, value_of(kpi, self.kpi_events, first, end, moment, members)))
        return values

    def _bounds(self, period: Period) -> tuple[int, int, int]:
        zone = self.remaining.calendar.zone
        return period.start(zone), period.end(zone), self.remaining.moment

    def _marked(self, scope: str) -> NDArray[np.bool_]:
        members = np.zeros(len(self.remaining.organisation.people) + 1, bool)
        members[self.remaining.organisation.members(scope)] = True
        return members

    def _future_parts(self, kpi: Kpi) -> tuple[Draws, Draws | None]:
        """(numerator, denominator) in the remaining period, by person and scenario."""
        if kpi not in self._drawn:
            self._drawn[kpi] = self._draw(kpi)
        return self._drawn[kpi]

    def _draw(self, kpi: Kpi) -> tuple[Draws, Draws | None]:
        counted, per, remaining = self.kpi_events.counted, kpi.per, self.remaining
        match kpi.shape:
            case Shape.COHORT:
                cohort_events, first = counted(kpi.count), self.period.start(remaining.calendar.zone)
                cohort, created = (
                    cohort_of(cohort_events, first, remaining),
                    self.future_draws(replace(kpi.count, reached=None)),
                )
                advancing = cohort.from_waiting(cohort_events, first, remaining, f"{kpi.id} later")
                return advancing + cohort.of_new(created, remaining, f"{kpi.id} new"), created
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
                share = conversion_share(counted(kpi.count), counted(per), remaining)
                return share.of(under, remaining, kpi.id), under
        return self.future_draws(kpi.count), None if per is None else self.future_draws(per)

    def future_draws(self, count: Count) -> Draws:
        """Weight of a count in the remaining period, by person and scenario."""
        if count not in self._counts:
            if count.of == "deals.won":
                draws = self._wins(count)
            else:
                plain = replace(count, distinct=None)
                draws = self._count_draws(plain, count)
            self._counts[count] = draws * np.float32(self._distinct_per_event(count))
        return self._counts[count]

    def _count_draws(self, plain: Count, count: Count) -> Draws:
        found = forecast_count(self.kpi_events.counted(plain), self.remaining)
        before = self._before.get(count)
        is_same = before is not None and before[0].is_same(found)
        draws = before[1] if before is not None and is_same else found.draw(self.remaining, repr(count))
        self._forecasts[count] = found, draws
        return draws

    def _wins(self, count: Count) -> Draws:
        """Deals won, or their revenue, in the simulation's scenarios."""
        wins, revenue = self._open_wins(count.where)
        new_revenue, new_wins = self._new_wins
        share = self._share_of_wins(count)
        if share < 1:
            rng = self.remaining.rng(repr(count))
            new_selected = rng.binomial(new_wins.astype(np.int64), share).astype(np.float32)
            revenue_share = new_selected / np.maximum(new_wins, 1)
        else:
            new_selected, revenue_share = new_wins, np.ones((1, 1))
        if count.total == "amount":
            return (revenue + new_revenue * revenue_share).astype(np.float32)
        drawn = (wins + new_selected).astype(np.float32)
        if count.total is None:
            return drawn
        weight = self.kpi_events.counted(count).weight
        return drawn * np.float32(weight.mean() if len(weight) else 0.0)

    def _open_wins(self, where: Conditions) -> tuple[Floats, Floats]:
        """(wins, revenue) of the open deals that meet conditions, in the KPIs' scenarios."""
        if where not in self._won:
            ids = self.simulation.pipeline.deal_ids
            meeting_conditions = self.kpi_events.meets_conditions("deals", ids, where)
            self._won[where] = draw_wins(self.simulation, meeting_conditions, self._scenarios)
        return self._won[where]

    @cached_property
    def _new_wins(self) -> tuple[Floats, Rates]:
        """(revenue, wins) of new business in the KPIs' scenarios, the first of the simulation's."""
        simulation = self.simulation
        rate = np.ascontiguousarray(simulation.new_rate[:, : self._scenarios])
        return simulation.new.draw_revenue(rate, simulation.seed)

    @property
    def _scenarios(self) -> int:
        return min(SCENARIOS, int(self.simulation.shift.shape[1]))

    def _share_of_wins(self, count: Count) -> float:
        """Share of the past year's wins that meet a count's conditions."""
        if not count.where:
            return 1.0
        since, everyone = self.remaining.moment - _YEAR, self._marked("company")
        meeting_conditions, all_wins = (
            self.kpi_events.counted(Count("deals.won", where)).total_between(
                since, self.remaining.moment, everyone
            )
            for where in (count.where, ())
        )
        return (meeting_conditions + 0.1) / (all_wins + 0.2) if all_wins else 0.0

    def _distinct_per_event(self, count: Count) -> float:
        """Distinct values per event, by the four previous periods."""
        if count.distinct is None:
            return 1.0
        everyone, different, all_of = self._marked("company"), 0.0, 0.0
        for back in range(1, 5):
            first, end, _ = self._bounds(previous(self.period, back))
            different += self.kpi_events.counted(count).total_between(first, end, everyone)
            all_of += self.kpi_events.counted(replace(count, distinct=None)).total_between(
                first, end, everyone
            )
        return different / all_of if all_of else 1.0

    def _leaving(self, kpi: Kpi) -> Draws:
        """Customers of the period's start that are still active and will leave by its end."""
        contracts, remaining = self.kpi_events.counted(kpi.count), self.remaining
        people = len(remaining.organisation.people) + 1
        first = self.period.start(remaining.calendar.zone)
        every = self._marked("company")
        since = max(remaining.moment - _YEAR, int(contracts.at.min(initial=remaining.moment)))
        looks = np.linspace(since, remaining.moment, 13).astype(np.int64)
        active_by_month = [contracts.active_keys(int(at), every) for at in looks]
        lost = sum(len(np.setdiff1d(active_by_month[n], active_by_month[n + 1])) for n in range(12))
        exposure = sum(len(then) for then in active_by_month[:-1]) * (remaining.moment - since) / 12
        hazard = (lost + 0.5) / max(exposure, 1.0)
        rng = remaining.rng(kpi.id)
        hazard_factor = np.exp(_CHURN_SD * rng.standard_normal(SCENARIOS) - _CHURN_SD**2 / 2)
        chance = 1 - np.exp(-hazard * (remaining.end - remaining.start) * hazard_factor)
        out = np.zeros((people, SCENARIOS), np.float32)
        for person in range(people):
            one_person = np.arange(people) == person
            still_active = np.intersect1d(
                contracts.active_keys(first, one_person), contracts.active_keys(remaining.moment, one_person)
            )
            if len(still_active):
                out[person] = rng.binomial(len(still_active), chance)
        return out

    def _level_factors(self, kpi: Kpi, members: NDArray[np.bool_]) -> Floats:
        """Factors (S,) on a level by the period's end, with the variance of past changes over that time."""
        length = max(self.remaining.end - self.remaining.moment, 0)
        if not length:
            return np.ones(SCENARIOS)
        looks = [self.remaining.moment - length * back for back in range(_TREND_PERIODS + 1)]
        known = [value_of(kpi, self.kpi_events, at, at, self.remaining.moment, members) for at in looks]
        levels = [value for value in known if value is not None and 0 < value < np.inf]
        steps = np.diff(np.log(levels)) if len(levels) > 1 else np.zeros(0)
        prior = _LOG_SD**2 * length / (90 * DAY)
        variance = (float((steps**2).sum()) + _PRIOR_LOOKS * prior) / (len(steps) + _PRIOR_LOOKS)
        normal = self.remaining.rng(kpi.id).standard_normal(SCENARIOS)
        return np.asarray(np.exp(np.sqrt(variance) * normal))
