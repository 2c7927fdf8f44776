"""What to do next, did it help, and where does the process lose deals?"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from crm.errors import SanchoError
from crm.frames import codes_in
from crm.i18n import Language
from crm.instants import as_of_instant, last_known_day
from crm.store import Outcome, Recommended
from crm.store.engine import store_failure
from features import label_of
from features.arrays import Flags, Floats, Ints
from models.actions import CandidateAction
from models.bottlenecks.search import FALSE_SHARE
from models.forecast.attainment import DealEffect
from models.win.similar_deals import past_deals
from service import cursors, messages
from service.action_candidates import action_events, candidates_of
from service.actions import VALID_DAYS, DealRecommendations, ScoredDeal, gain_per_hour, recommend_actions
from service.bottlenecks import bottleneck_rows, funnel_rows
from service.goals import Goals
from service.logs import log_event
from service.names import Names
from service.outages import STORE
from service.period_forecast import PeriodForecast
from service.recommendation_ids import day_recommended, was_recommended
from service.recommendation_report import effect_report
from service.serving_state import AnswerContext, ModelState, ServingState
from service.sight import EVERYTHING, Sight

_MAX_WAITING = 20_000  # recommendations queued for the store


class Recommendations:
    """Next actions, stored with their outcomes, and the bottlenecks of the process."""

    def __init__(self, serving: ServingState, goals: Goals) -> None:
        self._serving = serving
        self._goals = goals
        self._settings = serving.settings
        self._waiting: dict[str, Recommended] = {}
        self._guard = threading.Lock()  # of the queue

    def bottlenecks(
        self,
        scope: str,
        period: str | None,
        as_of: str | None,
        lang: Language,
        sight: Sight = EVERYTHING,
        *,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Bottlenecks of the process, what they cost the goal of a scope, and its funnel.

        All of them, or those after a `cursor`, up to a `limit`.
        """
        context = self._serving.context(as_of, period, sight)
        state, forecast = context.state, context.forecast
        people = forecast.organisation.members(scope)
        bottlenecks, levels = state.bundle.bottlenecks, state.bundle.levels
        warnings = [] if bottlenecks else [("no_bottleneck", messages.NO_BOTTLENECK)]
        rows = bottleneck_rows(bottlenecks, forecast, state.catalogue, levels, scope, lang)
        following = None
        if limit is not None or cursor is not None:
            rows, following = cursors.page(
                rows,
                lambda row: (*forecast.goal(scope).rank(row), str(row["id"])),
                f"bottlenecks {scope}",
                limit=len(rows) if limit is None else limit,
                cursor=cursor,
                kinds=(float, float, str),
            )
        return {
            "period": forecast.period.name,
            "scope": scope,
            "name": forecast.names.scope(scope, lang),
            "ranked_by": forecast.goal(scope).ranked_by,
            "bottlenecks": rows,
            "looked_for": state.bundle.bottlenecks_looked_for,
            "false_share": FALSE_SHARE,
            "next_cursor": following,
            "funnel": funnel_rows(state.history, forecast, self._owned(context, people)),
            **self._serving.metadata(state, context.moment, lang, warnings),
        }

    def actions(
        self,
        scope: str,
        deal_id: str | None,
        period: str | None,
        as_of: str | None,
        limit: int,
        lang: Language,
        with_similar: bool = True,
        sight: Sight = EVERYTHING,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """The best next action of each open deal of a scope, by points of its goal per hour of effort.

        Of one deal all actions, with past deals like it unless no reader sees them. What was recommended is
        stored behind the answer, which waits for nobody who writes. `cursor`: after which action.
        """
        asked_of = f"actions {scope} {deal_id or ''}"
        context = self._serving.context(as_of, period, sight)
        state, forecast = context.state, context.forecast
        people = forecast.organisation.members(scope)
        rows = np.flatnonzero(np.isin(forecast.simulation.pipeline.person, people))
        if deal_id is not None:
            row = self._serving.open_row(context, deal_id)
            rows, scope = np.array([row]), goal_of_row(context, row)
        effects, goal = forecast.effects(rows, scope), forecast.goal(scope)
        actions, not_recommended, held_out = [], [], 0
        for row, effect in zip(rows.tolist(), effects, strict=True):
            of_deal = self.recommend(context, row, effect, lang, goal.gap)
            held_out += of_deal.held_out
            shown = of_deal.recommended if deal_id is not None else of_deal.recommended[:1]
            actions += [_deal_fields(forecast, row) | action for action in shown]
            not_recommended += of_deal.not_recommended if deal_id is not None else []
            self.queue(context, of_deal)

        def order(row: Mapping[str, Any]) -> tuple[float, float, str, str]:
            points, revenue = gain_per_hour(row, goal.ranked_by)
            return -points, -revenue, str(row["deal_id"]), str(row["action"])

        kinds = (float, float, str, str)
        actions, following = cursors.page(actions, order, asked_of, limit=limit, cursor=cursor, kinds=kinds)
        if deal_id is not None and with_similar:
            similar = self.similar_deals(context, int(rows[0]))
            actions = [{**action, "similar_deals": similar} for action in actions]
        warnings = [] if state.bundle.actions else [("no_actions", messages.NO_ACTIONS)]
        if forecast.facts.target(scope) is None:
            warnings.append(("no_target", messages.no_target(forecast.names.label(scope), forecast.period)))
        return {
            "period": forecast.period.name,
            "scope": scope,
            "name": forecast.names.scope(scope, lang),
            "open_deals": len(rows),
            "held_out_deals": held_out,
            "ranked_by": goal.ranked_by,
            "actions": forecast.names.with_deals(actions),
            "next_cursor": following,
            "not_recommended": not_recommended,
            **self._serving.metadata(state, context.moment, lang, warnings),
        }

    def record_outcome(
        self,
        recommendation_id: str,
        outcome: str,
        reason: str | None,
        lang: Language,
        sight: Sight = EVERYTHING,
    ) -> dict[str, Any]:
        """Stores the outcome of a recommendation."""
        self.flush_if_possible()
        if sight.is_limited and not self._is_seen(recommendation_id, sight):
            raise SanchoError(messages.unknown_recommendation(recommendation_id), "unknown_recommendation")
        state, zone = self._serving.current(), self._serving.zone()
        told = Outcome(recommendation_id, outcome, as_of_instant(None, zone), reason)
        store = self._serving.store
        if not store.save_outcome(told):
            if not self._was_made(state, recommendation_id, last_known_day(told.at, zone)):
                raise SanchoError(
                    messages.unknown_recommendation(recommendation_id), "unknown_recommendation"
                )
            store.save_outcome(told, is_known=True)
        return {
            "recommendation_id": recommendation_id,
            "state": outcome,
            "reason": reason,
            **self._serving.metadata(state, state.now, lang),
        }

    def _is_seen(self, recommendation_id: str, sight: Sight) -> bool:
        """Whether a recommendation is about a deal that is seen; of one stored nowhere its id tells."""
        with self._guard:
            waiting = self._waiting.get(recommendation_id)
        deal_id = (
            self._serving.store.deal_recommended(recommendation_id) if waiting is None else waiting.deal_id
        )
        if deal_id is not None:
            return sight.sees_deal(deal_id)
        state = self._serving.current()
        today = last_known_day(state.now, self._serving.zone())
        return self._was_made(state, recommendation_id, today, sight.deals())

    def _was_made(
        self, state: ModelState, given: str, today: date, deals: Sequence[str] | None = None
    ) -> bool:
        """Whether a recommendation was made here or on another replica, while it is valid."""
        day = day_recommended(given)
        if day is None or not today - timedelta(VALID_DAYS + 1) <= day <= today + timedelta(1):
            return False
        deals = [str(deal_id) for deal_id in state.history.deal_ids] if deals is None else deals
        actions = [known.action for known in state.bundle.actions]
        if was_recommended(given, deals, actions, [state.info.version]):
            return True
        others = [one.version for one in self._serving.registry.list() if one.version != state.info.version]
        return was_recommended(given, deals, actions, others)

    def report(
        self,
        lang: Language,
        sight: Sight = EVERYTHING,
        *,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Outcomes of recommendations by action, and their effect compared with the holdout group.

        Of those about deals that are seen; all actions, or those after a `cursor`, up to a `limit`.
        """
        self.flush_if_possible()
        state = self._serving.current()
        recommendations, outcomes = self._serving.store.recommendations()
        if sight.is_limited:
            recommendations = [row for row in recommendations if sight.sees_deal(row.deal_id)]
            seen = {row.recommendation_id for row in recommendations}
            outcomes = [row for row in outcomes if row.recommendation_id in seen]
        report = effect_report(recommendations, outcomes, state.history, action_events(state))
        warnings = [] if report["hold_out"] is not None else [("no_hold_out", messages.NO_HOLD_OUT)]
        rows, following = cursors.page(
            report["by_action"],
            lambda row: (str(row["action"]),),
            "outcomes",
            limit=limit or len(report["by_action"]),
            cursor=cursor,
            kinds=(str,),
        )
        labelled = [{**row, "label": label_of(row["action"]).to(lang)} for row in rows]
        return {
            **report,
            "by_action": labelled,
            "next_cursor": following,
            **self._serving.metadata(state, state.now, lang, warnings),
        }

    @property
    def are_stored(self) -> bool:
        """Whether all that was recommended is stored: nothing waits."""
        return not self._waiting

    def flush(self) -> None:
        """Stores the queued recommendations."""
        with self._guard:
            waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            self._serving.store.save_recommendations(list(waiting.values()))
        except Exception:
            with self._guard:  # they stay queued
                self._waiting = dict(islice({**waiting, **self._waiting}.items(), _MAX_WAITING))
            raise

    def flush_if_possible(self) -> None:
        """Stores the queued recommendations; where that fails they stay queued, and answers go on."""
        try:
            if STORE not in self._serving.outages:  # else each try would take seconds
                self.flush()
        except Exception as error:
            failure = store_failure(error)
            why = {"exc_info": error} if failure is None else {"reason": failure.text.en}
            log_event("sancho.recommendations", "warning", "recommendations_not_stored", **why)

    def queue(self, context: AnswerContext, recommendations: DealRecommendations) -> None:
        """Queues what was recommended now; recommendations as of a past moment are not stored."""
        record = recommendations.record
        if context.moment != context.state.now or record is None:
            return
        made_at = min(record.made_at, time.time_ns() // 1000)  # "now" lies a little ahead
        with self._guard:
            if len(self._waiting) < _MAX_WAITING:
                self._waiting[record.recommendation_id] = replace(record, made_at=made_at)

    def recommend(
        self,
        context: AnswerContext,
        row: int,
        effect: DealEffect | None,
        lang: Language,
        gap: float | None = None,
    ) -> DealRecommendations:
        """The actions recommended for an open deal, and those that are not; `gap`: missing to the target."""
        scored = context.forecast.scored
        deal = ScoredDeal(
            str(context.forecast.simulation.pipeline.deal_ids[row]),
            row,
            float(scored.ever[row]),
            float(scored.by_end[row]),
            effect,
            float(scored.pipeline.amounts[row].mean()),
            gap,
        )
        return self.recommend_among(context.state, deal, candidates_of(context), context.moment, lang)

    def recommend_among(
        self,
        state: ModelState,
        deal: ScoredDeal,
        candidates: list[CandidateAction],
        moment: int,
        lang: Language,
    ) -> DealRecommendations:
        """The actions recommended for a deal among the candidates."""
        return recommend_actions(
            deal,
            candidates,
            state.bundle.actions,
            self._settings.actions,
            moment,
            state.info.version,
            state.organisation(moment).zone,
            lang,
        )

    def similar_deals(self, context: AnswerContext, row: int) -> list[dict[str, Any]]:
        """Closed deals that the win model treats like an open one."""
        scored = context.forecast.scored
        x, own = scored.x[row : row + 1], int(scored.deals[row])
        return self.deals_similar_to(context.state, x, context.moment, own, context.forecast.names)

    def deals_similar_to(
        self, state: ModelState, x: Floats, moment: int, own: int, names: Names
    ) -> list[dict[str, Any]]:
        """Closed deals that the win model treats like one with features x (1, k); not deal number `own`."""
        past = state.caches.closed_deals.get(
            None, lambda: past_deals(state.bundle.win, state.history, state.columns)
        )
        leaves = None if past is None else state.bundle.win.leaves(x, np.array([moment], np.int64))
        if past is None or leaves is None:
            return []
        similar = [
            {
                "deal_id": str(state.history.deal_ids[deal]),
                "outcome": "won" if won else "lost",
                "similarity": share,
            }
            for deal, won, share in past.most_similar(leaves[0], moment, own)
        ]
        return names.with_deals(similar)

    def _owned(self, context: AnswerContext, people: Ints) -> Flags:
        """Whether each deal of the history belonged to some people at the moment."""
        known = self._goals.kpi_context(context).prospects.kpi_events.known["deals"]
        owners = known["owner_id"].astype(object).where(known["owner_id"].notna(), None)
        owned = np.isin(context.forecast.organisation.person(pd.Index(owners)), people)
        history = context.state.history
        out = np.zeros(len(history.created), bool)
        out[codes_in(known["deal_id"], history.deal_ids)[owned]] = True
        return out


def goal_of_row(context: AnswerContext, row: int) -> str:
    """The scope whose goal an open deal is told to help."""
    forecast = context.forecast
    return context.sight.goal_of_deal(forecast.organisation, int(forecast.simulation.pipeline.person[row]))


def _deal_fields(forecast: PeriodForecast, row: int) -> dict[str, Any]:
    person = int(forecast.simulation.pipeline.person[row])
    people = forecast.organisation.people
    owner = str(people[person]) if person < len(people) else None
    return {
        "deal_id": str(forecast.simulation.pipeline.deal_ids[row]),
        "owner_id": owner,
        "owner_name": forecast.names.person(owner),
        "by_period_end": float(forecast.scored.by_end[row]),
    }
