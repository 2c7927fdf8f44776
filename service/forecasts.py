"""Will the target be reached, why, and what if? Forecasts, what-if answers, and the stored history."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import DAY, iso, last_known_day, start_of_day
from crm.schema import TABLES
from crm.store.engine import store_failure
from models.forecast.change_attribution import change_report
from models.forecast.organisation import COMPANY, ScopeTree
from models.forecast.simulate import Simulation
from models.forecast.what_if import Assumptions, JoiningSeller, add_seller, apply_assumptions, scope_summary
from models.kpi_sets.effects import LEVER_OF_KPI
from service import messages
from service.allowance import charge
from service.forecast_history import history_rows, store_missing_day, usual_change
from service.given_money import rate_now
from service.goals import Goals
from service.logs import log_event
from service.period_forecast import PeriodForecast, simulate_period
from service.serving_state import AnswerContext, ModelState, ServingState
from service.settled import NOT_ASKED, cheap_fields
from service.sight import EVERYTHING, Sight
from service.unknown_stages import open_deals_warning
from service.what_if import (
    UNKNOWN_LEVEL,
    difference,
    empty_summary,
    implied,
    name_of_new,
    refuse_unseen,
    scope_of_level,
)

if TYPE_CHECKING:
    from service.schemas import NewLevel, WhatIfRequest

HEADLINE = "headline"
PARTS = ("pace", "history", "drivers", "reach", "deals", "children", "change")  # besides the headline
_BUT_PEOPLE = tuple(name for name in TABLES if name not in ("people", "teams", "organisation"))
CHANGE_DAYS = 7  # a forecast is compared with the one so many days before
_CHANGES = {
    "moved": Text("担当・チームの変更", "Changes of owner or team"),
    "deleted": Text("削除・統合された商談", "Deals deleted or merged"),
    "won": Text("受注した商談", "Deals won"),
    "lost": Text("失注した商談", "Deals lost"),
    "slipped": Text(
        "受注確率が下がった・後ろ倒しになった商談（時間経過を含む）",
        "Deals that slipped (incl. time passing)",
    ),
    "advanced": Text("受注確率が上がった商談", "Deals that moved forward"),
    "amount": Text("金額が変わった商談", "Deals whose amount changed"),
    "new_deals": Text("新規に発生した商談", "Newly created deals"),
    "new_business": Text("今後の新規商談の見込み", "Forecast of deals yet to come"),
    "target": Text("売上目標の変更", "Change of the target"),
}


class Forecasts:
    """Forecasts of a period, the same under assumptions, and the stored history of forecasts."""

    def __init__(self, serving: ServingState, goals: Goals) -> None:
        self._serving = serving
        self._goals = goals
        self._complete: tuple[str, date] | None = None  # the period and day for which the history is complete
        self.stored_days = 0  # of the history, by this process: answers show them

    def forecast(
        self,
        period: str,
        scope: str,
        as_of: str | None,
        lang: Language,
        target: float | None = None,
        with_drivers: bool = True,
        sight: Sight = EVERYTHING,
        parts: Collection[str] | None = None,
    ) -> dict[str, Any]:
        """The forecast of a scope for a period; its drivers take time, and not every reader sees them.

        `parts`: of PARTS those that are wanted besides the headline; the others are empty.
        """
        wanted = set(PARTS if parts is None else parts) - (set() if with_drivers else {"drivers"})
        context = self._serving.context(as_of, period, sight)
        answer, names = context.forecast.of_scope(scope, target), context.forecast.names
        warnings = (
            []
            if answer["target"] is not None
            else [("no_target", messages.no_target(names.label(scope), context.forecast.period))]
        )
        warnings += open_deals_warning(context.state, context.moment)
        is_stored = target is None  # what is compared with the past or planned is about the stored target
        if "reach" not in wanted:
            reach = dict(NOT_ASKED)
        elif is_stored:
            reach = self._goals.settled(context, scope, lang)
        else:
            reach = cheap_fields(context, scope, target)
        history = self._history(context, scope) if "history" in wanted else []
        return {
            **names.with_scope(answer, lang),
            "period": context.forecast.period.name,
            "usual_change_pp": usual_change(history),
            **{name: answer[name] if name in wanted else [] for name in ("pace", "deals")},
            "children": [names.with_scope(child, lang) for child in answer["children"]]
            if "children" in wanted
            else [],
            "history": history,
            "drivers": self._goals.drivers(context, scope, lang) if is_stored and "drivers" in wanted else [],
            **reach,
            "change": self._change(context, scope, lang) if is_stored and "change" in wanted else None,
            **({} if parts is None else {"parts": [HEADLINE, *(name for name in PARTS if name in wanted)]}),
            **self._serving.metadata(context.state, context.moment, lang, warnings),
        }

    def _history(self, context: AnswerContext, scope: str) -> list[dict[str, Any]]:
        """The stored forecasts; none while the store is out of reach.

        Of a team, none of days on which there were people in it that its reader does not see any more.
        """
        period, moment, state = context.forecast.period, context.moment, context.state

        def is_seen(at: int) -> bool:
            return not context.sight.outsiders(ScopeTree.of(state.log.without(*_BUT_PEOPLE).as_of(at)))

        use = is_seen if context.sight.part_of(scope) else None
        return self._serving.from_store(
            lambda: history_rows(
                self._serving.store, period, scope, moment, context.zone, state.log.currency_since, use
            ),
            [],
        )

    def what_if(
        self, period: str, request: WhatIfRequest, lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        """A forecast before and after the assumptions, in the same scenarios."""
        refuse_unseen(request, sight)
        context = self._serving.context(request.as_of, period, sight)
        moment, forecast = context.moment, context.forecast
        before, scope = forecast.state, request.scope
        targets = {
            target.scope: target.value * rate_now(forecast.rates, target.currency)
            for target in request.targets
        }
        for target_scope in targets:
            forecast.organisation.members(target_scope)  # raises for an unknown scope
        supposed = Assumptions(
            frozenset(request.won),
            frozenset(request.lost),
            {deal.deal_id: deal.days for deal in request.pushed},
            {
                deal.deal_id: deal.amount * rate_now(forecast.rates, deal.currency)
                for deal in request.repriced
            },
            frozenset(request.leaving),
            targets,
        )
        charge()
        after = apply_assumptions(before, supposed, forecast.days_ahead, forecast.names.deal_label)
        if request.levels:
            after = replace(after, simulation=self._at_levels(context, after.simulation, request.levels))
        for number, new_hire in enumerate(request.joining, 1):
            day = moment if new_hire.start is None else start_of_day(new_hire.start, context.zone)
            name = name_of_new(number, lang)
            joining = JoiningSeller(name, new_hire.team_id, max((day - moment) / DAY, 0.0))
            after = add_seller(after, joining, forecast.days_ahead)
        existing, sides = {scope, *forecast.organisation.children(scope)}, []
        for side in (scope, *after.simulation.organisation.children(scope)):
            new = scope_summary(after, side)
            old = scope_summary(before, side) if side in existing else empty_summary(new)
            row = {"scope": side, "before": old, "after": new, **difference(old, new)}
            sides.append(forecast.names.with_scope(row, lang))
        return {
            "period": forecast.period.name,
            **sides[0],
            "assumptions": implied(supposed, bool(request.joining), bool(request.levels), lang),
            "children": sides[1:],
            **self._serving.metadata(context.state, moment, lang, open_deals_warning(context.state, moment)),
        }

    @property
    def is_history_complete(self) -> bool:
        """Whether every week's forecast of the current quarter is stored, as far as it can be."""
        return self._complete is not None

    def store_history(self, with_missing: bool = True) -> None:
        """Stores today's forecast of the quarter, else (`with_missing`) that of one missing past week."""
        state = self._serving.current()
        period, zone = self._serving.period(state, None, state.now), state.organisation(state.now).zone
        today = (period.name, last_known_day(state.now, zone))
        if self._complete == today:
            return

        def forecast_as_of(moment: int) -> PeriodForecast:
            if moment == state.now:
                return self._serving.context_of(state, moment, period).forecast
            then = self._serving.state_at(state, moment)
            return simulate_period(then.bundle_at(moment), then.log, then.history, moment, period)

        store, version = self._serving.store, state.info.version
        if store_missing_day(store, period, state.now, version, zone, forecast_as_of, with_missing):
            self.stored_days += 1
        elif with_missing:
            self._complete = today

    def store_history_if_possible(self, with_missing: bool = True) -> None:
        """Stores the history; where that fails, answers go on, and it is tried again tomorrow."""
        try:
            self.store_history(with_missing)
        except Exception as error:
            state = self._serving.current()
            day = last_known_day(state.now, state.organisation(state.now).zone)
            self._complete = (self._serving.period(state, None, state.now).name, day)
            failure = store_failure(error)
            why = {"exc_info": error} if failure is None else {"reason": failure.text.en}
            log_event("sancho.forecasts", "warning", "history_not_stored", **why)

    def simulate_quarter(self, state: ModelState) -> None:
        """The simulation of the current quarter, from which most questions are answered."""
        self._serving.context_of(state, state.now, self._serving.period(state, None, state.now))

    def warm_up(self, state: ModelState) -> None:
        """The company's forecast of the current quarter, and its change."""
        context = self._serving.context_of(state, state.now, self._serving.period(state, None, state.now))
        context.forecast.of_scope(COMPANY)
        self._change(context, COMPANY, "ja")

    def _change(self, context: AnswerContext, scope: str, lang: Language) -> dict[str, Any] | None:
        """What changed a scope's forecast in the past week; None without a target or a week of history."""
        state, forecast = context.state, context.forecast
        since = forecast.moment - CHANGE_DAYS * DAY
        if forecast.facts.target(scope) is None or since <= int(state.history.created.min(initial=since)):
            return None
        if since <= state.log.currency_since:
            return None
        then = self._serving.context_of(state, since, forecast.period, context.sight).forecast
        won_amounts = forecast.won_amounts_since(since)
        deleted = state.log.gone_between("deals", since, forecast.moment)
        change = change_report(forecast.changed_since(then, won_amounts, deleted), scope)
        if change is None:
            return None
        parts = [
            {
                "label": _CHANGES[part["code"]].to(lang),
                **part,
                "deals": forecast.names.with_deals(part["deals"]),
            }
            for part in change["contributions"]
        ]
        return {"since": iso(since, context.zone), **change, "contributions": parts}

    def _at_levels(
        self, context: AnswerContext, simulation: Simulation, levels: Sequence[NewLevel]
    ) -> Simulation:
        """A simulation with KPIs of some people at other levels."""
        drive = self._goals.kpi_context(context).drive
        for level in levels:
            lever = LEVER_OF_KPI.get(level.kpi, level.kpi)
            if lever not in drive.levels:
                known = ", ".join(dict.fromkeys([*LEVER_OF_KPI, *drive.levels]))
                raise SanchoError(UNKNOWN_LEVEL.format(given=level.kpi, known=known), "bad_request")
            people = context.forecast.organisation.members(scope_of_level(level, context.sight))
            simulation = replace(drive, simulation=simulation).with_level_times(
                lever, level.multiplier, people
            )
        return simulation
