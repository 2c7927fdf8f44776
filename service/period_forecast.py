"""What does a period look like as of a moment? One joint simulation, computed once and read many times."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.conversion import ForeignMoney
from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import DAY, end_of_day
from crm.money import Rates
from crm.periods import Period
from features import Calendar, History
from features.arrays import Floats, Ints
from features.levels import Coded
from models.bundle import Bundle
from models.forecast.attainment import (
    DealEffect,
    effect_of_new_deal,
    pace_dates,
    scope_forecast,
    swing_points,
)
from models.forecast.change_attribution import ForecastChange, ForecastState, attribute_change
from models.forecast.goal_effect import Goal
from models.forecast.organisation import COMPANY, ScopeTree
from models.forecast.period_facts import PeriodFacts, WonDeals
from models.forecast.pipeline import ScoredPipeline
from models.forecast.simulate import Simulation, attainment_given_deal, total_without
from models.period_outlook import PeriodOutlook, score_and_simulate
from models.scoring import close_days, score_rows
from models.win.reference import Reference, references
from service.cache import Cache
from service.names import Names
from service.paging import in_order
from service.progress import with_progress

_MAX_FORECASTS = 500  # cached, of scopes
_MAX_CHANGES = 2  # cached, since earlier moments
_MAX_LISTS = 4  # cached, of scopes in an order: a page of a long list sorts nothing


@dataclass(frozen=True)
class PeriodForecast:
    """One joint simulation and everything read from it, with caches for forecasts and changes."""

    bundle: Bundle
    moment: int
    period: Period
    end: int  # of the period
    organisation: ScopeTree
    scored: ScoredPipeline
    simulation: Simulation
    facts: PeriodFacts
    rates: Rates  # known at the moment
    money: ForeignMoney | None  # of the deals known at the moment
    names: Names
    deals: pd.DataFrame  # known at the moment
    _forecasts: Cache[tuple[str, float | None], dict[str, Any]] = field(
        default_factory=lambda: Cache(_MAX_FORECASTS)
    )
    _goals: Cache[tuple[str, float | None], Goal] = field(default_factory=lambda: Cache(_MAX_FORECASTS))
    _changes: Cache[tuple[int, bytes], ForecastChange] = field(default_factory=lambda: Cache(_MAX_CHANGES))
    _scores: Cache[tuple[str, str], pd.DataFrame] = field(default_factory=lambda: Cache(1))
    _lists: Cache[tuple[str, ...], pd.DataFrame] = field(default_factory=lambda: Cache(_MAX_LISTS))

    @cached_property
    def close_days(self) -> Floats:
        """The open deals' (n, 3) p10, p50, p90 of the days to the win, if won."""
        moments = np.full(len(self.scored.deals), self.moment, np.int64)
        return close_days(self.bundle.win, self.scored.x, moments, (0.1, 0.5, 0.9))

    def scores(self, zone: ZoneInfo, version: str) -> pd.DataFrame:
        """The Score rows of the open deals with their `person`; nobody may write into them."""
        return self._scores.get((str(zone), version), lambda: score_table(self, zone, version))

    def scores_in_order(self, scope: str, sort: str, zone: ZoneInfo, version: str) -> pd.DataFrame:
        """The Score rows of a scope's open deals, in the order of `sort`; nobody may write into them."""

        def compute() -> pd.DataFrame:
            frame = self.scores(zone, version)
            in_scope = frame["person"].isin(self.organisation.members(scope))
            return in_order(frame[in_scope].drop(columns="person"), sort)

        return self._lists.get((scope, sort, str(zone), version), compute)

    @cached_property
    def references(self) -> Mapping[float, Reference]:
        """By stage, what the deals won from it have in common: what an insight compares a deal with."""
        days_left = max((self.end - self.moment) / DAY, 0.0)
        return references(self.bundle.win, self.bundle.peers, self.moment, days_left)

    @cached_property
    def row_by_deal(self) -> dict[str, int]:
        """Row of each open deal in the simulation."""
        return {str(deal): row for row, deal in enumerate(self.simulation.pipeline.deal_ids)}

    def of_scope(self, scope: str, target: float | None = None) -> dict[str, Any]:
        """The forecast of a scope, for its stored target or another."""

        def compute() -> dict[str, Any]:
            facts = self.facts if target is None else self.facts.with_target(scope, target)
            points = self._points.get(scope) if target is None else None
            answer = scope_forecast(self.simulation, facts, self.simulation.new.by_date, scope, points)
            return with_progress(answer, facts, self.organisation) | {
                "deals": self.names.with_deals(answer["deals"])
            }

        return self._forecasts.get((scope, target), compute)

    def swing_points(self, scope: str) -> Floats | None:
        """Swings in points of a scope's open deals in their order; None without a target."""
        return self._points.get(scope)

    @cached_property
    def _points(self) -> dict[str, Floats]:
        return swing_points(self.simulation, self.facts)

    def changed_since(
        self, then: PeriodForecast, won_amounts: Mapping[str, float], deleted: Collection[str]
    ) -> ForecastChange:
        """What changed the forecast since an earlier moment.

        `won_amounts` of the deals won since, by id; `deleted` are the ids of the deals deleted since.
        """
        key = then.moment, then.organisation.team_of.tobytes()  # who was in which team, as its reader sees it
        return self._changes.get(key, lambda: attribute_change(then.state, self.state, won_amounts, deleted))

    def won_amounts_since(self, first: int) -> dict[str, float]:
        """Final amounts of the deals won from an instant on, by id, as known at the moment."""
        deals = self.deals
        won = (deals["outcome"] == "won").to_numpy() & (micros(deals["closed_at"]) >= first)
        amounts = deals["amount"].fillna(0.0).to_numpy(float)[won]
        return dict(zip(deals["deal_id"].astype(str).to_numpy()[won], amounts.tolist(), strict=True))

    def won_between(self, first: int, last: int) -> Floats:
        """Revenue of each person (people + 1,) in [first, last), as known at the moment."""
        return WonDeals.of_deals(self.deals, self.organisation).between(first, last)

    def without_in_teams(self, people: Collection[str]) -> PeriodForecast:
        """The same scenarios, in which some people are in no team: no team's figures have theirs in them."""
        tree = self.organisation.without_in_teams(people)
        return PeriodForecast(
            self.bundle,
            self.moment,
            self.period,
            self.end,
            tree,
            self.scored,
            replace(self.simulation, organisation=tree),
            self.facts,
            self.rates,
            self.money,
            self.names,
            self.deals,
        )

    def in_places(self, places: Ints) -> PeriodForecast | None:
        """The same forecast beside a history in which deals have other places; None where one is gone."""
        deals = places[self.scored.deals]
        if (deals < 0).any():
            return None
        return replace(self, scored=replace(self.scored, deals=deals))

    @property
    def days_ahead(self) -> Floats:
        """Days from the moment to each date at which win probabilities of open deals are known (j,)."""
        ends = [end for day, end in self.facts.day_ends.items() if not self.facts.is_past(day)]
        count = self.simulation.pipeline.won_by.shape[1]
        return np.array([(end - self.moment) / DAY for end in ends] or [0.0] * count)

    @property
    def outlook(self) -> PeriodOutlook:
        """The scores of the open deals and the simulation."""
        return PeriodOutlook(self.scored, self.simulation)

    @property
    def state(self) -> ForecastState:
        """The simulated scenarios and the targets."""
        return ForecastState(self.simulation, self.facts.targets)

    @cached_property
    def company_revenue(self) -> Floats:
        """Simulated revenues of the company, one per draw."""
        return self.simulation.total(self.organisation.members(COMPANY))

    @cached_property
    def _effects(self) -> tuple[Floats, Floats, Floats]:
        target = self.facts.target(COMPANY)
        rows = np.arange(len(self.simulation.pipeline.deal_ids))
        assert target is not None  # noqa: S101 - `effect` returns earlier without one
        return attainment_given_deal(self.simulation, rows, self.company_revenue, target)

    def goal(self, scope: str, target: float | None = None) -> Goal:
        """A scope's stored target, or another, with its probability and the mean forecast."""

        def compute() -> Goal:
            aim = self.facts.target(scope) if target is None else target
            return Goal.of(self.simulation, self.organisation.members(scope), aim)

        return self._goals.get((scope, target), compute)

    def effects(self, rows: Ints, scope: str = COMPANY) -> list[DealEffect | None]:
        """Effect of each of some open deals of a scope on its goal; None without a target."""
        target = self.facts.target(scope)
        if target is None or not len(rows):
            return [None] * len(rows)
        if scope == COMPANY:
            won, lost, overall = (shares[rows] for shares in self._effects)
            draws = len(self.company_revenue)
        else:
            total = self.simulation.total(self.organisation.members(scope))
            won, lost, overall = attainment_given_deal(self.simulation, rows, total, target)
            draws = len(total)
        return [DealEffect.of_shares(*shares, draws=draws) for shares in zip(overall, won, lost, strict=True)]

    def effect(self, row: int, scope: str = COMPANY) -> DealEffect | None:
        """Effect of one open deal of a scope on its goal."""
        return self.effects(np.array([row]), scope)[0]

    def effect_of(
        self, deal_id: str, probability: float, amounts: Floats, scope: str = COMPANY
    ) -> DealEffect | None:
        """Effect of a deal on a scope's goal; it takes the place of the scope's stored one of its id."""
        target = self.facts.target(scope)
        if target is None:
            return None
        people = self.organisation.members(scope)
        total = self.company_revenue if scope == COMPANY else self.simulation.total(people)
        row = self.row_by_deal.get(deal_id)
        if row is not None and np.isin(self.simulation.pipeline.person[row], people):
            total = total_without(self.simulation, row, total)
        return effect_of_new_deal(total, probability, amounts, target)


def simulate_period(
    bundle: Bundle,
    log: EventLog,
    history: History,
    moment: int,
    period: Period,
    before: PeriodForecast | None = None,
    known: EventLog | None = None,
) -> PeriodForecast:
    """Scores the deals open at the moment and simulates the period, from what was known by then.

    `before`: the forecast of the same bundle, moment and period by an earlier state of the store, of which
    what still holds is used. `known`: the log as of the moment, where it is there already.
    """
    known = log.without("activities").as_of(moment) if known is None else known
    bundle.check_currency(known.organisation)
    calendar = Calendar.of_organisation(known.organisation)
    organisation = ScopeTree.of(known, list(Coded.of(known["deals"]["owner_id"]).used()))
    dates = pace_dates(period.first, period.last)
    future = [day for day in dates if end_of_day(day, calendar.zone) > moment]
    facts = PeriodFacts.of(known, organisation, moment, period, dates, calendar)
    outlook = score_and_simulate(
        bundle,
        known,
        history,
        organisation,
        facts.closed,
        moment,
        period,
        future,
        calendar,
        None if before is None or before.bundle is not bundle else before.outlook,
    )
    return PeriodForecast(
        bundle,
        moment,
        period,
        period.end(calendar.zone),
        organisation,
        outlook.scored,
        outlook.simulation,
        facts,
        known.rates,
        known.money,
        Names.of(known),
        known["deals"],
    )


def score_table(forecast: PeriodForecast, zone: ZoneInfo, version: str) -> pd.DataFrame:
    """One Score row of the contract per open deal, with the index of the person who owns it."""
    scored = forecast.scored
    rows = score_rows(
        deal_ids=scored.pipeline.deal_ids.astype(str),
        as_of=forecast.moment,
        period=forecast.period,
        ever=scored.ever,
        by_end=scored.by_end,
        amounts=scored.pipeline.amounts,
        median_days=forecast.close_days[:, 1],
        zone=zone,
        model_version=version,
    )
    return rows.assign(person=scored.pipeline.person)


def owned_by_scope(known: EventLog, deal_ids: pd.Index, scope: str) -> NDArray[np.bool_]:
    """Whether each deal (n,) belonged to a scope, by a log as of a moment."""
    owners = known["deals"].set_index("deal_id")["owner_id"].astype(object)
    organisation = ScopeTree.of(known, list(owners.dropna().unique()))
    owner = pd.Index(owners.reindex(deal_ids).where(lambda owner: owner.notna(), None))
    return np.isin(organisation.person(owner), organisation.members(scope))
