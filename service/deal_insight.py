"""How likely is a deal to be won, why, and what helps? For a stored or a sent deal, and all open ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.i18n import Language
from crm.instants import DAY, as_of_instant
from crm.periods import Period
from features import action_events_of, build_features
from models.actions import candidate_actions
from models.bundle import Bundle
from service import messages, paging
from service.actions import DealRecommendations, ScoredDeal
from service.insight import TREND_DAYS, DealProbabilities, InsightInputs, build_insight
from service.live_request import read_request
from service.period_forecast import owned_by_scope, score_table
from service.recommendations import Recommendations
from service.schemas import ScoreRequest
from service.serving_state import AnswerContext, ModelState, ServingState

Floats = NDArray[np.float64]
# Score rows of the deals open at a moment: of a bundle, a log, the moment, a period and the model's version.
Scorer = Callable[[Bundle, EventLog, int, Period, str], pd.DataFrame]


class DealInsights:
    """Insight for one deal, stored or sent, and the scores of all open deals."""

    def __init__(self, serving: ServingState, recommendations: Recommendations) -> None:
        self._serving = serving
        self._recommendations = recommendations
        self._settings = serving.settings

    def is_quick(self, as_of: str | None, period: str | None) -> bool:
        """Whether a question about one deal needs no new simulation."""
        return self._serving.is_quick(as_of, period)

    def get_deal(self, deal_id: str, as_of: str | None, period: str | None, lang: Language) -> dict[str, Any]:
        """Insight for a deal of the store."""
        context = self._serving.context(as_of, period)

        def compute() -> dict[str, Any]:
            answer, choice = self._insight_of_stored(context, deal_id, lang)
            self._recommendations.queue(context, choice)
            return answer

        key = (deal_id, *context.key, lang)
        return context.state.caches.insights.get(key, compute)

    def score_deal(self, request: ScoreRequest, lang: Language) -> dict[str, Any]:
        """Insight for a deal sent in a request; nothing is stored."""
        return self._insight_of_sent(self._serving.current(), request, lang)

    def list_deals(
        self,
        scope: str,
        as_of: str | None,
        period: str | None,
        sort: str,
        cursor: str | None,
        limit: int | None,
        lang: Language,
        scorer: Scorer | None = None,
    ) -> dict[str, Any]:
        """Scored open deals of a scope, a page of them (all without a limit); `scorer` scores elsewhere."""
        state = self._serving.current()
        moment = self._serving.moment(state, as_of)
        within, version = self._serving.period(period, moment), state.info.version
        if scorer is None:
            forecast = self._serving.context_of(state, moment, within).forecast
            frame = score_table(forecast, state.bundle, version)
            mine = frame[frame["person"].isin(forecast.organisation.members(scope))].drop(columns="person")
        else:
            frame = scorer(state.bundle, state.log, moment, within, version)
            mine = frame[owned_by_scope(state.log, moment, pd.Index(frame["deal_id"]), scope)]
        rows, following = paging.page(mine, sort, cursor, limit)
        return {"deals": rows, "next_cursor": following, **self._serving.metadata(state, moment, lang)}

    def warm_up(self, state: ModelState) -> None:
        """Two stored deals and a sent one. Nobody asked for those: nothing that they recommend is kept."""
        context = self._serving.context_of(state, state.now, self._serving.period(None, state.now))
        languages: tuple[Language, ...] = ("ja", "en")
        for deal_id in list(context.forecast.row_by_deal)[:2]:
            for lang in languages:
                self._insight_of_stored(context, deal_id, lang)
        self._insight_of_sent(state, ScoreRequest.model_validate(messages.WARMING_REQUEST), "ja")

    def _insight_of_stored(
        self, context: AnswerContext, deal_id: str, lang: Language
    ) -> tuple[dict[str, Any], DealRecommendations]:
        state, moment, forecast = context.state, context.moment, context.forecast
        row = forecast.row_by_deal.get(deal_id)
        if row is None:
            raise self._serving.not_open(state, deal_id, moment)
        number, scored = int(forecast.scored.deals[row]), forecast.scored
        since = max(moment - TREND_DAYS * DAY, int(state.history.created[number]) + 1)
        then = build_features(state.history, np.array([number]), np.array([since]))[0, state.columns]
        asked = InsightInputs(
            deal_id,
            moment,
            since,
            scored.x[row],
            then,
            self._chances(state, scored.x[row], moment, forecast.period),
            scored.pipeline.amounts[row],
            forecast.effect(row),
            forecast.period.name,
            forecast.period.end(self._settings.zone),
            self._currency(state, number),
            forecast.references,
        )
        choice = self._recommendations.recommend(context, row, asked.effect, lang)
        similar = self._recommendations.similar_deals(context, row) if choice.recommended else []
        return self._insight(context, asked, choice, similar, lang), choice

    def _insight_of_sent(self, state: ModelState, request: ScoreRequest, lang: Language) -> dict[str, Any]:
        zone, bundle = self._settings.zone, state.bundle
        moment = as_of_instant(request.as_of, zone)
        period = self._serving.period(request.period, moment)
        live, created = read_request(request, state.history, moment, zone)
        since = min(max(moment - TREND_DAYS * DAY, created + 1), moment)
        x = build_features(live, np.zeros(2, np.int64), np.array([moment, since]))[:, state.columns]
        now = x[:1]
        chances = self._chances(state, now[0], moment, period)
        amounts = bundle.revenue.draws(now, bundle.amount_now(messages.amount_of(live, moment)))[0]
        context = self._serving.context_of(state, state.now if request.as_of is None else moment, period)
        forecast = context.forecast
        asked = InsightInputs(
            request.deal.deal_id,  # type: ignore[attr-defined]
            moment,
            since,
            now[0],
            x[1],
            chances,
            amounts,
            forecast.effect_of(request.deal.deal_id, chances.by_end, amounts),  # type: ignore[attr-defined]
            period.name,
            period.end(zone),
            request.deal.currency or self._settings.currency,  # type: ignore[attr-defined]
            forecast.references,
        )
        found = candidate_actions(
            bundle.actions, now, state.catalogue, bundle.levels, np.array([chances.ever]), action_events_of(live),
            np.zeros(1, np.int64), moment,
        )  # fmt: skip
        target = ScoredDeal(
            asked.deal_id, 0, chances.ever, chances.by_end, asked.effect, float(amounts.mean())
        )
        choice = self._recommendations.recommend_among(state, target, found, moment, lang)
        similar = self._recommendations.deals_similar_to(state, now, moment, -1) if choice.recommended else []
        nameless = [
            {**one, "recommendation_id": None} for one in choice.recommended
        ]  # nothing of it is stored
        return self._insight(context, asked, replace(choice, recommended=nameless), similar, lang)

    def _chances(self, state: ModelState, x: Floats, moment: int, period: Period) -> DealProbabilities:
        left = max((period.end(self._settings.zone) - moment) / DAY, 0.0)
        return DealProbabilities.of(state.bundle.win, x, moment, left)

    def _insight(
        self,
        context: AnswerContext,
        asked: InsightInputs,
        choice: DealRecommendations,
        similar: list[dict[str, Any]],
        lang: Language,
    ) -> dict[str, Any]:
        state = context.state
        answer = build_insight(state.bundle, state.catalogue, asked, self._settings.grades, lang)
        answer["actions"] = [{**one, "similar_deals": similar} for one in choice.recommended]
        answer["not_recommended"] = choice.not_recommended
        warnings = [("held_out", messages.HELD_OUT)] if choice.held_out else []
        if asked.effect is None:
            warnings.append(("no_target", messages.no_target("company", context.forecast.period.name)))
        return {**answer, **self._serving.metadata(state, asked.moment, lang, warnings)}

    def _currency(self, state: ModelState, number: int) -> str:
        currency = state.log["deals"]["currency"].iloc[number]
        return str(currency) if isinstance(currency, str) and currency else self._settings.currency
