"""How likely is a deal to be won, why, and what helps? For a stored or a sent deal, and all open ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.conversion import ForeignMoney, Original, Unconverted
from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Language, Text
from crm.instants import DAY
from crm.missing_rates import missing_rates
from crm.periods import Period
from crm.schema import TABLES
from features import actions_of_deal, build_features
from models.actions import candidate_actions
from models.bottlenecks import segment_codes
from models.bundle import Bundle
from models.forecast.organisation import COMPANY
from service import messages, paging
from service.actions import DealRecommendations, ScoredDeal
from service.deal_search import DealSearch, found_deals
from service.given_money import given_currency
from service.insight import TREND_DAYS, InsightInputs, ask_model, build_insight
from service.language import scope_label
from service.live_request import read_request
from service.names import Names
from service.period_forecast import owned_by_scope
from service.recommendations import Recommendations, goal_of_row
from service.serving_state import AnswerContext, ModelState, ServingState
from service.shadow import Shadow
from service.sight import EVERYTHING, Sight
from service.unknown_stages import open_deals_warning, sent_deal_warning, stored_deal_warning

if TYPE_CHECKING:
    from service.schemas import ScoreRequest

# Score rows of the deals open at a moment; of a bundle, a log, the moment, a period and the model's version.
Scorer = Callable[[Bundle, EventLog, int, Period, str], pd.DataFrame]


# A deal whose insight needs every part of the model once.
_WARM_UP_REQUEST: dict[str, Any] = {
    "deal": {"deal_id": "warm-up", "created_at": "2020-01-01", "stage": "?", "amount": 1.0},
    "activities": [{"at": "2020-01-02", "kind": "call"}],
    "events": [{"at": "2020-01-02", "field": "stage", "value": "?"}],
}


_UNSEEN = "\N{NO-BREAK SPACE}"  # an id that nobody has: ids begin and end with no space


class DealInsights:
    """Insight for one deal, stored or sent, and the scores of all open deals."""

    def __init__(self, serving: ServingState, recommendations: Recommendations, shadow: Shadow) -> None:
        self._serving = serving
        self._recommendations = recommendations
        self._shadow = shadow
        self._settings = serving.settings

    def is_quick(self, as_of: str | None, period: str | None) -> bool:
        """Whether a question about one deal needs no new simulation."""
        return self._serving.is_quick(as_of, period)

    def is_quick_sent(self, request: ScoreRequest) -> bool:
        """Whether a deal of a request can be answered without a new simulation or an older state."""
        try:
            state = self._serving.current()
            moment = state.log.instant(request.as_of)
            period = self._serving.period(state, request.period, moment)
        except SanchoError:
            return True  # the answer is an error
        if state.log.next_revision(moment) is not None:
            return False
        return self._serving.is_simulated(state, self._simulated(state, request, moment), period)

    def check_ready(self) -> None:
        """Raises where nothing can be answered yet."""
        self._serving.current()

    def get_deal(
        self,
        deal_id: str,
        as_of: str | None,
        period: str | None,
        lang: Language,
        sight: Sight = EVERYTHING,
    ) -> dict[str, Any]:
        """Insight for a deal of the store."""
        context = self._serving.context(as_of, period, sight)
        if sight.is_limited:
            self._serving.open_row(context, deal_id)

        def compute() -> dict[str, Any]:
            answer, recommendations = self._insight_of_stored(context, deal_id, lang)
            self._recommendations.queue(context, recommendations)
            return answer

        moment, about = context.key
        key = (deal_id, moment, "|".join((about, *sight.part_of_goal(sight.widest))), lang)
        answer = context.state.caches.insights.get(key, compute)
        self._shadow.offer(context.state, context.moment, context.forecast.period, answer)
        return answer

    def score_deal(self, request: ScoreRequest, lang: Language, sight: Sight = EVERYTHING) -> dict[str, Any]:
        """Insight for a deal sent in a request; nothing of it is stored but what a shadow says of it.

        A rep who is not seen counts as unknown: what the model knows of a rep is told by an insight.
        """
        state = self._serving.current()
        request = with_seen_owners(request, sight)
        answer = self._insight_of_sent(state, request, lang, sight)
        if self._shadow.answers:
            moment = state.log.instant(answer["as_of"])
            period = self._serving.period(state, request.period, moment)
            self._shadow.offer(state, moment, period, answer, request)
        return answer

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
        sight: Sight = EVERYTHING,
        search: DealSearch | None = None,
    ) -> dict[str, Any]:
        """Scored open deals of a scope, a page of them (all without a limit); `scorer` scores elsewhere.

        With a `search` those that are found, and what is known of each besides its scores.
        """
        state = self._serving.current()
        moment = self._serving.moment(state, as_of)
        in_period, version = self._serving.period(state, period, moment), state.info.version
        if search is not None:
            use, context = self._recommendations, self._serving.context_of(state, moment, in_period, sight)
            order = (sort, cursor, limit)
            return found_deals(self._serving, use, context, scope, search, *order, lang, sight)
        if scorer is None:
            forecast = self._serving.context_of(state, moment, in_period, sight).forecast
            ordered = forecast.scores_in_order(scope, sort, state.organisation(moment).zone, version)
            names = forecast.names
        else:
            frame = scorer(state.bundle_at(moment), state.log, moment, in_period, version)
            known = state.log.without("activities").as_of(moment)
            frame = frame[owned_by_scope(known, pd.Index(frame["deal_id"]), scope)]
            names = Names.of(known)
            ordered = paging.in_order(frame, sort)
        if sight.is_limited and moment != state.now:  # before there are pages: a cursor names a row
            ordered = ordered[ordered["deal_id"].isin(sight.deals())]
        page = paging.page_of(ordered, sort, cursor, limit, scope)
        warnings = open_deals_warning(state, moment)
        return {
            "deals": names.with_deals(page.rows),
            "next_cursor": page.next_cursor,
            **self._serving.metadata(state, moment, lang, warnings),
        }

    def warm_up(self, state: ModelState) -> None:
        """Answers for two stored deals and a sent one; their recommendations are not stored."""
        context = self._serving.context_of(state, state.now, self._serving.period(state, None, state.now))
        languages: tuple[Language, ...] = ("ja", "en")
        for deal_id in list(context.forecast.row_by_deal)[:2]:
            for lang in languages:
                self._insight_of_stored(context, deal_id, lang)
        from service.schemas import ScoreRequest

        self._insight_of_sent(state, ScoreRequest.model_validate(_WARM_UP_REQUEST), "ja")

    def _insight_of_stored(
        self, context: AnswerContext, deal_id: str, lang: Language
    ) -> tuple[dict[str, Any], DealRecommendations]:
        state, moment, forecast = context.state, context.moment, context.forecast
        row = self._serving.open_row(context, deal_id)
        goal_scope = goal_of_row(context, row)
        number, scored = int(forecast.scored.deals[row]), forecast.scored
        since = max(moment - TREND_DAYS * DAY, int(state.history.created[number]) + 1)
        x_then = build_features(state.history, np.array([number]), np.array([since]))[:, state.columns]
        x = np.concatenate([scored.x[row : row + 1], x_then])
        left = _days_left(forecast.period, moment, context.zone)
        probabilities, contributions = ask_model(state.bundle_at(moment), x, (moment, since), left)
        inputs = InsightInputs(
            deal_id,
            moment,
            since,
            scored.x[row],
            probabilities,
            contributions,
            scored.pipeline.amounts[row],
            forecast.effect(row, goal_scope),
            forecast.period.name,
            forecast.period.end(context.zone),
            state.bundle.currency,
            forecast.references,
            context.zone,
            segment_codes(scored.x[row : row + 1], state.catalogue, state.bundle.levels),
            None if forecast.money is None else forecast.money.original(deal_id),
            forecast.goal(goal_scope).gap,
            goal_scope,
        )
        recommendations = self._recommendations.recommend(context, row, inputs.effect, lang, inputs.gap)
        similar = self._recommendations.similar_deals(context, row) if recommendations.recommended else []
        warnings = stored_deal_warning(state, number, moment)
        answer = self._insight(context, inputs, recommendations, similar, lang, warnings)
        blind = blind_fields(state.bundle_at(moment), inputs, lang)
        return {**answer, "blind": blind}, recommendations

    def _insight_of_sent(
        self, state: ModelState, request: ScoreRequest, lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        moment = state.log.instant(request.as_of)
        zone = state.organisation(moment).zone
        bundle = state.bundle_at(moment)
        period = self._serving.period(state, request.period, moment)
        whole, state = state, self._serving.state_at(state, moment)
        original = self._original(state, request, moment)
        rate = 1.0 if original is None else original.rate
        sent = read_request(request, state.history, moment, zone, rate)
        since = min(max(moment - TREND_DAYS * DAY, sent.created + 1), moment)
        x = build_features(sent.history, np.zeros(2, np.int64), np.array([moment, since]))[:, state.columns]
        now = x[:1]
        left = _days_left(period, moment, zone)
        probabilities, contributions = ask_model(bundle, x, (moment, since), left)
        amounts = bundle.revenue.draws(now, bundle.amount_now(sent.stated.amount))[0]
        if original is not None and original.lacks_rate:
            amounts = np.zeros_like(amounts)
        of_day = self._serving.context_of(whole, self._simulated(whole, request, moment), period, sight)
        context, forecast = replace(of_day, state=state, moment=moment), of_day.forecast
        goal_scope = sight.widest
        has_goal = sight.sees_scope(goal_scope) and forecast.organisation.has(goal_scope)
        inputs = InsightInputs(
            request.deal.deal_id,
            moment,
            since,
            now[0],
            probabilities,
            contributions,
            amounts,
            forecast.effect_of(request.deal.deal_id, probabilities.by_end, amounts, goal_scope)
            if has_goal
            else None,
            period.name,
            period.end(zone),
            bundle.currency,
            forecast.references,
            zone,
            segment_codes(now, state.catalogue, bundle.levels),
            original,
            forecast.goal(goal_scope).gap if has_goal else None,
            goal_scope,
        )
        actions = candidate_actions(
            bundle.actions,
            now,
            state.catalogue,
            bundle.levels,
            np.array([probabilities.ever]),
            actions_of_deal(sent.history),
            np.zeros(1, np.int64),
            moment,
            inputs.codes,
        )
        deal = ScoredDeal(
            inputs.deal_id,
            0,
            probabilities.ever,
            probabilities.by_end,
            inputs.effect,
            float(amounts.mean()),
            inputs.gap,
        )
        recommendations = self._recommendations.recommend_among(state, deal, actions, moment, lang)
        similar = (
            self._recommendations.deals_similar_to(state, now, moment, -1, forecast.names)
            if recommendations.recommended
            else []
        )
        # Nothing of it is stored, so nothing can be reported back.
        without_id = [{**action, "recommendation_id": None} for action in recommendations.recommended]
        warnings = sent_deal_warning(state, request, sent.history, moment)
        shown = replace(recommendations, recommended=without_id)
        return self._insight(
            context, inputs, shown, similar, lang, warnings, _sent_names(request, forecast.names)
        )

    def _simulated(self, state: ModelState, request: ScoreRequest, moment: int) -> int:
        """As of when the goal is simulated, for a deal of a request: now, or the beginning of its day."""
        return state.now if request.as_of is None else self._serving.shared_moment(state, moment)

    def _insight(
        self,
        context: AnswerContext,
        inputs: InsightInputs,
        recommendations: DealRecommendations,
        similar: list[dict[str, Any]],
        lang: Language,
        also: list[tuple[str, Text]],
        sent: Mapping[str, str | None] | None = None,
    ) -> dict[str, Any]:
        state = context.state
        bundle = state.bundle_at(inputs.moment)
        answer = build_insight(bundle, state.reader, inputs, self._settings.grades, lang)
        answer["actions"] = [{**action, "similar_deals": similar} for action in recommendations.recommended]
        answer["not_recommended"] = recommendations.not_recommended
        names = context.forecast.names
        if sent is not None and not context.sight.sees_deal(inputs.deal_id):
            answer = {"deal_id": answer.pop("deal_id"), "name": None, "account_name": None, **answer}
        else:
            [answer] = names.with_deals([answer])
        answer |= {name: value for name, value in (sent or {}).items() if value is not None}
        answer["attainment"] = names.with_scope(answer["attainment"], lang)
        warnings = [*also, *([("held_out", messages.HELD_OUT)] if recommendations.held_out else [])]
        if sent is not None and inputs.original is not None and inputs.original.lacks_rate:
            warnings += self._lacking(inputs.original, context)
        if inputs.effect is None:
            scope = inputs.goal_scope
            label = scope_label(scope) if scope == COMPANY else names.label(scope)
            warnings.append(("no_target", messages.no_target(label, context.forecast.period)))
        return {**answer, **self._serving.metadata(state, inputs.moment, lang, warnings)}

    def _original(self, state: ModelState, request: ScoreRequest, moment: int) -> Original | None:
        """The amount of a sent deal in another currency, and the newest rate known at the moment."""
        own = state.bundle.currency
        code = given_currency(request.deal.currency, own)
        if code == own:
            return None
        others = (name for name in TABLES if name not in ("rates", "organisation"))
        rate, since = state.log.without(*others).as_of(moment).rates.newest(code, 1)
        amount = math.nan if request.deal.amount is None else request.deal.amount
        return Original(amount, code, float(rate[0]), int(since[0]))

    def _lacking(self, original: Original, context: AnswerContext) -> list[tuple[str, Text]]:
        rates = context.forecast.rates
        kinds = rates.kinds.get(original.currency, ())
        left_out = Unconverted("deals", original.currency, 1, original.amount, kinds)
        return missing_rates(ForeignMoney(rates, (left_out,)))


def blind_fields(bundle: Bundle, inputs: InsightInputs, lang: Language) -> dict[str, Any] | None:
    """What the owner-blind variant says of a deal; None where the model that answers has none."""
    if bundle.blind is None or bundle.win.is_table:
        return None
    x, moment = inputs.x_now[None, :], np.array([inputs.moment], np.int64)
    blind, chance = float(bundle.blind.chance(x, moment)[0]), inputs.probabilities.ever
    differs = bool(bundle.blind.differs(np.array([chance]), np.array([blind]))[0])
    text = messages.blind_differs(chance, blind).to(lang) if differs else None
    return {"win_probability": blind, "differs": differs, "text": text}


def with_seen_owners(request: ScoreRequest, sight: Sight) -> ScoreRequest:
    """A request in which owners that are not seen are nobody that the organisation knows."""
    if not sight.is_limited:
        return request

    def seen(person: str | None) -> str | None:
        return person if person is None or sight.sees_person(person) else _UNSEEN

    def with_seen(row: Any, *columns: str) -> Any:
        return row.model_copy(update={name: seen(getattr(row, name)) for name in columns})

    deal = with_seen(request.deal, "owner_id")
    sent: list[Any] = request.events
    events = [with_seen(row, "value", "old_value") if row.field == "owner_id" else row for row in sent]
    return request.model_copy(update={"deal": deal, "events": events})


def _sent_names(request: ScoreRequest, names: Names) -> dict[str, str | None]:
    """What a sent deal and its account are called, as the request says, else as the store knows."""
    sent: Any = request.deal
    account_name = getattr(request.account, "name", None)
    return {"name": sent.name, "account_name": account_name or names.account(sent.account_id)}


def _days_left(period: Period, moment: int, zone: ZoneInfo) -> float:
    return max((period.end(zone) - moment) / DAY, 0.0)
