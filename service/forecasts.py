"""Is the target reached, why, and what if? Forecasts of a period, supposed changes, stored history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from crm.errors import SanchoError
from crm.i18n import Language
from crm.instants import DAY, iso, last_known_day, start_of_day
from models.forecast.change_attribution import change_report
from models.forecast.organisation import COMPANY
from models.forecast.simulate import Simulation
from models.forecast.what_if import Assumptions, JoiningSeller, add_seller, apply_assumptions, scope_summary
from service import messages
from service.forecast_history import history_rows, store_missing_day
from service.goals import Goals
from service.kpi_check import LEVER_OF_KPI
from service.logs import log_event
from service.period_forecast import PeriodForecast, simulate_period, won_amounts_between
from service.schemas import NewLevel, WhatIfRequest
from service.serving_state import AnswerContext, ModelState, ServingState

CHANGE_DAYS = 7  # the forecast says what changed since so many days ago


class Forecasts:
    """Forecasts of a period, the same under supposed changes, and the history that is stored of them."""

    def __init__(self, serving: ServingState, goals: Goals) -> None:
        self._serving = serving
        self._goals = goals
        self._zone = serving.settings.zone
        self._complete: tuple[str, date] | None = None  # the period and day up to which history is complete

    def forecast(
        self, period: str, scope: str, as_of: str | None, lang: Language, target: float | None = None
    ) -> dict[str, Any]:
        """The forecast of a scope for a period."""
        context = self._serving.context(as_of, period)
        answer = context.forecast.of_scope(scope, target)
        warnings = [] if answer["target"] is not None else [("no_target", messages.no_target(scope, period))]
        return {
            **answer,
            "period": period,
            "history": history_rows(
                self._serving.store, context.forecast.period, scope, context.moment, self._zone
            ),
            "drivers": self._goals.drivers(context, scope, lang) if target is None else [],
            "change": self._change(context, scope, lang) if target is None else None,
            **self._serving.metadata(context.state, context.moment, lang, warnings),
        }

    def what_if(self, period: str, asked: WhatIfRequest, lang: Language) -> dict[str, Any]:
        """A forecast before and after something is supposed, in the same scenarios."""
        context = self._serving.context(asked.as_of, period)
        moment, forecast = context.moment, context.forecast
        before, scope = forecast.state, asked.scope
        targets = {one.scope: one.value for one in asked.targets}
        for one in targets:
            forecast.organisation.members(one)  # refuses an unknown scope
        supposed = Assumptions(
            frozenset(asked.won),
            frozenset(asked.lost),
            {one.deal_id: one.days for one in asked.pushed},
            {one.deal_id: one.amount for one in asked.repriced},
            frozenset(asked.leaving),
            targets,
        )
        after = apply_assumptions(before, supposed, forecast.days_ahead)
        if asked.levels:
            after = replace(after, simulation=self._levelled(context, after.simulation, asked.levels))
        for number, newcomer in enumerate(asked.joining, 1):
            day = moment if newcomer.start is None else start_of_day(newcomer.start, self._zone)
            name = messages.NEWCOMER.format(number=number).to(lang)
            joining = JoiningSeller(name, newcomer.team_id, max((day - moment) / DAY, 0.0))
            after = add_seller(after, joining, forecast.days_ahead)
        there, sides = {scope, *forecast.organisation.children(scope)}, []
        for one in (scope, *after.simulation.organisation.children(scope)):
            now = scope_summary(after, one)
            then = scope_summary(before, one) if one in there else messages.nothing_before(now)
            sides.append({"scope": one, "before": then, "after": now, **messages.difference_of(then, now)})
        return {
            "period": period,
            **sides[0],
            "assumptions": messages.assumptions_of(supposed, bool(asked.joining), bool(asked.levels), lang),
            "children": sides[1:],
            **self._serving.metadata(context.state, moment, lang),
        }

    def store_history(self) -> None:
        """Stores today's forecast of the current quarter, else that of one past week that is missing."""
        state = self._serving.current()
        period = self._serving.period(None, state.now)
        done = (period.name, last_known_day(state.now, self._zone))
        if self._complete == done:
            return

        def forecast_as_of(moment: int) -> PeriodForecast:
            if moment == state.now:
                return self._serving.context_of(state, moment, period).forecast
            return simulate_period(state.bundle, state.log, state.history, moment, period)

        store, version = self._serving.store, state.info.version
        if not store_missing_day(store, period, state.now, version, self._zone, forecast_as_of):
            self._complete = done

    def store_history_if_possible(self) -> None:
        """The same; where that fails, answers go on without it until tomorrow."""
        try:
            self.store_history()
        except Exception as fault:
            state = self._serving.current()
            day = last_known_day(state.now, self._zone)
            self._complete = (self._serving.period(None, state.now).name, day)
            log_event("sancho.forecasts", "warning", "no_history", exc_info=fault)

    def warm_up(self, state: ModelState) -> None:
        """The company's forecast of the current quarter, with what changed."""
        context = self._serving.context_of(state, state.now, self._serving.period(None, state.now))
        context.forecast.of_scope(COMPANY)
        self._change(context, COMPANY, "ja")

    def _change(self, context: AnswerContext, scope: str, lang: Language) -> dict[str, Any] | None:
        """What made a scope's outlook change since a week before; None without a target, or a week before."""
        state, forecast = context.state, context.forecast
        since = forecast.moment - CHANGE_DAYS * DAY
        if forecast.facts.target(scope) is None or since <= int(state.history.created.min(initial=since)):
            return None
        then = self._serving.context_of(state, since, forecast.period).forecast
        brought = won_amounts_between(state.log, since, forecast.moment)
        found = change_report(forecast.changed_since(then, brought), scope)
        return None if found is None else messages.change_of(found, iso(since, self._zone), lang)

    def _levelled(
        self, context: AnswerContext, simulation: Simulation, levels: Sequence[NewLevel]
    ) -> Simulation:
        """A simulation with KPIs of some people at other levels."""
        ground = self._goals.kpi_context(context)
        for one in levels:
            lever = LEVER_OF_KPI.get(one.kpi, one.kpi)
            if lever not in ground.drive.levels:
                fine = ", ".join(dict.fromkeys([*LEVER_OF_KPI, *ground.drive.levels]))
                raise SanchoError(messages.NO_LEVEL.format(got=one.kpi, fine=fine), "bad_request")
            people = context.forecast.organisation.members(one.scope)
            simulation = replace(ground.drive, simulation=simulation).with_level_times(
                lever, one.multiplier, people
            )
        return simulation
