"""Which open deals of a scope are looked for, in which order, and what is said of each?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm.errors import SanchoError
from crm.i18n import Language, Text
from features.arrays import Flags, Ints
from service import explain, paging
from service.deal_facts import DealFacts
from service.deal_table import deal_facts, scope_table
from service.model_state import AnswerContext
from service.recommendations import Recommendations
from service.serving_state import ServingState
from service.sight import Sight
from service.unknown_stages import open_deals_warning

ATTENTION = "attention"  # deals with a worry that move the goal
LEAST_STRENGTH = 1.0  # points of the goal, or percent of the target, from which a deal moves it
_NO_BOTTLENECK = Text(
    "ボトルネック「{id}」は現在ありません。一覧（GET /v1/bottlenecks）の id を指定してください。",
    "there is no bottleneck {id!r} now; give an id of GET /v1/bottlenecks.",
)


@dataclass(frozen=True, kw_only=True)
class DealSearch:
    """Which deals: with a flag (or `attention`), in a bottleneck, one, with words in their names."""

    flag: str | None = None
    bottleneck: str | None = None
    deal_id: str | None = None
    text: str | None = None

    @property
    def said(self) -> tuple[str, ...]:
        """What is looked for, as a part of keys; empty where it is every deal."""
        return tuple(part or "" for part in astuple(self)) if any(astuple(self)) else ()


def found_deals(
    serving: ServingState,
    recommendations: Recommendations,
    context: AnswerContext,
    scope: str,
    search: DealSearch,
    sort: str,
    cursor: str | None,
    limit: int | None,
    lang: Language,
    sight: Sight,
) -> dict[str, Any]:
    """A page of the deals that are found, with counts of all of the scope by flag."""
    state, moment, forecast = context.state, context.moment, context.forecast
    facts, table = deal_facts(context), scope_table(context, scope)
    if sight.is_limited and moment != state.now:  # before there are pages: a cursor names a row
        table = table[table["deal_id"].isin(sight.deals())]
    rows = table["row"].to_numpy(np.int64)
    attention = _needs_attention(context, facts, scope, table)
    found = _is_found(context, facts, search, rows, attention)
    ordered = paging.in_order(table[found].drop(columns="row"), sort)
    page = paging.page_of(ordered, sort, cursor, limit, "|".join((scope, *search.said)))
    row_of = dict(zip(table["deal_id"], rows.tolist(), strict=True))
    worrying = set(rows[attention].tolist())
    deals = []
    for deal in page.rows:
        row = row_of[deal["deal_id"]]
        told = _told(recommendations, context, facts, row, lang)
        deals.append({**_without_nan(deal), **told, "needs_attention": row in worrying})
    return {
        "period": forecast.period.name,
        "scope": scope,
        "name": forecast.names.scope(scope, lang),
        "ranked_by": forecast.goal(scope).ranked_by,
        "deals": forecast.names.with_deals(deals),
        "next_cursor": page.next_cursor,
        "previous_cursor": page.previous_cursor,
        "rows_before": page.rows_before,
        "deals_found": len(ordered),
        "open_deals": len(rows),
        "attention_deals": int(attention.sum()),
        "flag_counts": _counts(facts, rows, lang),
        **serving.metadata(state, moment, lang, open_deals_warning(state, moment)),
    }


def _needs_attention(context: AnswerContext, facts: DealFacts, scope: str, table: pd.DataFrame) -> Flags:
    """Which deals have a flag that says something is wrong, and are large enough to matter to the goal."""
    goal = context.forecast.goal(scope)
    values = zip(table["swing_pp"].tolist(), table["expected_revenue"].tolist(), strict=True)
    strength = np.array([goal.strength(points, revenue) for points, revenue in values])
    return np.asarray(facts.has_worry[table["row"]] & (strength >= LEAST_STRENGTH), bool)


def _is_found(
    context: AnswerContext, facts: DealFacts, search: DealSearch, rows: Ints, attention: Flags
) -> Flags:
    found = np.ones(len(rows), bool)
    if search.flag is not None:
        found &= attention if search.flag == ATTENTION else facts.has_flag(search.flag)[rows]
    if search.bottleneck is not None:
        found &= _is_in_bottleneck(context, search.bottleneck)[rows]
    if search.deal_id is not None:
        deal_ids = context.forecast.simulation.pipeline.deal_ids.astype(str)
        found &= deal_ids[rows] == search.deal_id
    if search.text is not None:
        found &= facts.has_words(search.text)[rows]
    return found


def _is_in_bottleneck(context: AnswerContext, name: str) -> Flags:
    bundle, state = context.state.bundle, context.state
    one = next((each for each in bundle.bottlenecks if each.id == name), None)
    if one is None:
        raise SanchoError(_NO_BOTTLENECK.format(id=name), "unknown_bottleneck")
    return one.affected_and_at_risk(context.forecast.scored.x, state.catalogue, bundle.levels)[0]


def _told(
    recommendations: Recommendations, context: AnswerContext, facts: DealFacts, row: int, lang: Language
) -> dict[str, Any]:
    """What is said of a deal of the page: its flags, and the first of its next actions."""
    of_deal = recommendations.recommend(context, row, None, lang)
    recommendations.queue(context, of_deal)
    first = next(iter(of_deal.recommended), None)
    names = ("recommendation_id", "action", "label", "uplift_pp", "reliability")
    return {
        "flags": explain.flags(facts.raised[row], context.moment, context.zone, lang),
        "next_action": None if first is None else {name: first[name] for name in names},
    }


def _without_nan(deal: Mapping[str, Any]) -> dict[str, Any]:
    """A row in which None stands for what is not a number."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in deal.items()
    }


def _counts(facts: DealFacts, rows: Ints, lang: Language) -> list[dict[str, Any]]:
    """How many deals each flag is raised for, the most frequent first."""
    counts = Counter(code for row in rows.tolist() for code, _ in facts.raised[row])
    ordered = sorted(explain.FLAGS, key=lambda code: (-counts[code], code))
    return [{"code": code, "label": explain.FLAGS[code].to(lang), "deals": counts[code]} for code in ordered]
