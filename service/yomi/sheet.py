"""Which deals are on the sheet of a period (明細), and what is said of each?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from crm.frames import codes_in, micros
from crm.i18n import Language
from crm.instants import DAY, NEVER, last_known_day
from crm.periods import Period
from features.arrays import Ints
from service import explain
from service.deal_table import deal_facts
from service.model_state import AnswerContext
from service.recommendations import Recommendations
from service.yomi.ranks import Ranks

OPEN, WON = "open", "won"
_REASONS = 2  # of a deal that are told
Row = dict[str, Any]


@dataclass(frozen=True)
class Sheet:
    """The rows of a sheet, and how many open deals of the scope are not on it because they are due later."""

    rows: list[Row]
    due_later: int


def sheet_of(
    context: AnswerContext, scope: str, ranks: Ranks, recommendations: Recommendations, lang: Language
) -> Sheet:
    """Open deals that are due in the period or have no day, then those won in it; the largest swing first.

    A deal past its day counts in the month that holds the moment: that is when it can still come.
    """
    forecast, zone = context.forecast, context.zone
    people = forecast.organisation.members(scope)
    deals = forecast.deals
    ours = np.isin(forecast.organisation.owners_in(deals["owner_id"]), people)
    today = last_known_day(context.moment, zone)
    closed_at = micros(deals["closed_at"])
    won = ours & (deals["outcome"] == "won").to_numpy(bool)
    won &= (closed_at >= forecast.period.start(zone)) & (closed_at < forecast.period.end(zone))
    is_open = ours & (codes_in(deals["deal_id"], pd.Index(list(forecast.row_by_deal))) >= 0)
    due = [None if pd.isna(day) else day.date() for day in deals["expected_close_date"]]
    month = [month_due(day, forecast.period, today) for day in due]
    has_month = np.array([one is not None for one in month], bool)
    no_day = np.array([day is None for day in due], bool)
    on_sheet = is_open & (has_month | (no_day & (forecast.period.first <= today <= forecast.period.last)))
    told = _Told.of(context, deals, np.flatnonzero(on_sheet | won), ranks)
    ids = deals["deal_id"].astype(str).tolist()
    of_scope = {str(row["deal_id"]): row for row in forecast.of_scope(scope)["deals"]}
    shown: list[int] = np.flatnonzero(on_sheet).tolist()
    marks = _marks(context, [ids[at] for at in shown], lang)
    steps = _steps(context, scope, list(marks), recommendations, lang)
    rows = []
    for at in shown:
        row, scored, day = told.row(at), of_scope[ids[at]], due[at]
        chance, agreed = scored["by_period_end"], row["agreed"]
        rows.append(
            {
                **row,
                "state": OPEN,
                "expected_close_date": _iso(day),
                "month": month[at],
                "by_period_end": chance,
                "difference_pp": None if agreed is None else 100 * (chance - agreed),
                "revenue": scored["revenue"],
                "swing_pp": scored["swing_pp"],
                **marks[ids[at]],
                "next_action": steps[ids[at]],
            }
        )
    rows.sort(key=lambda row: (-(row["swing_pp"] or 0.0), -row["revenue"], row["deal_id"]))
    ended: list[int] = np.flatnonzero(won).tolist()
    for at in sorted(ended, key=lambda at: -int(closed_at[at])):
        day = last_known_day(int(closed_at[at]) + 1, zone)
        row = {**told.row(at), **_WON_FIELDS, "expected_close_date": day.isoformat()}
        rows.append({**row, "month": f"{day:%Y-%m}"})
    return Sheet(forecast.names.with_deals(rows), int((is_open & ~on_sheet).sum()))


_WON_FIELDS: Mapping[str, Any] = {
    "state": WON,
    "by_period_end": None,
    "difference_pp": None,
    "revenue": None,
    "swing_pp": None,
    "flags": [],
    "reasons": [],
    "next_action": None,
}


def month_due(day: date | None, period: Period, today: date) -> str | None:
    """The month of a period in which an open deal is to come; None where it has no day, or one outside.

    >>> quarter = Period("2026-Q4", date(2026, 10, 1), date(2026, 12, 31))
    >>> [month_due(day, quarter, date(2026, 11, 19)) for day in (date(2026, 10, 20), date(2026, 12, 5), None)]
    ['2026-11', '2026-12', None]
    >>> month_due(date(2027, 1, 4), quarter, date(2026, 11, 19)) is None
    True
    """
    if day is None:
        return None
    counted = max(day, today)
    return f"{counted:%Y-%m}" if period.first <= counted <= period.last else None


@dataclass(frozen=True)
class _Told:
    """What is recorded of the deals of a sheet, by their row in the table of deals."""

    texts: Mapping[str, Sequence[object]]
    amounts: Sequence[float]
    ranks: Ranks
    rank: Mapping[int, str | None]
    owner_name: Mapping[str, str | None]
    contact: Mapping[int, date]
    updated: Mapping[int, date]

    @classmethod
    def of(cls, context: AnswerContext, deals: pd.DataFrame, rows: Ints, ranks: Ranks) -> _Told:
        known, zone = context.state.known_at(context.moment), context.zone
        ids = pd.Index(deals["deal_id"].iloc[rows])
        created = micros(deals["created_at"])[rows]
        events, activities = known["deal_events"], known["activities"]
        changed = np.maximum(_latest(events["deal_id"], micros(events["at"]), ids), created)
        contact = _latest(activities["deal_id"], micros(activities["at"]), ids)
        found = ranks.of_deals(deals.iloc[rows])
        people = {str(one) for one in deals["owner_id"].iloc[rows].dropna()}
        return cls(
            {
                name: deals[name].astype(object).tolist()
                for name in ("deal_id", "owner_id", "product", "stage")
            },
            deals["amount"].to_numpy(float).tolist(),
            ranks,
            dict(zip(rows.tolist(), found.tolist(), strict=True)),
            {one: context.forecast.names.person(one) for one in people},
            _days(rows, contact, zone),
            _days(rows, changed, zone),
        )

    def row(self, at: int) -> Row:
        rank, owner = self.rank[at], _said(self.texts["owner_id"][at])
        product, stage = _said(self.texts["product"][at]), _said(self.texts["stage"][at])
        amount = self.amounts[at]
        return {
            "deal_id": str(self.texts["deal_id"][at]),
            "owner_id": owner,
            "owner_name": None if owner is None else self.owner_name[owner],
            "product": product,
            "stage": stage,
            "rank": rank,
            "agreed": None if rank is None else self.ranks.agreed.get(rank),
            "amount": None if math.isnan(amount) else amount,
            "last_contact": _iso(self.contact.get(at)),
            "updated": _iso(self.updated.get(at)),
        }


def _latest(deal: pd.Series, at: Ints, ids: pd.Index) -> Ints:
    """The last of the times (m,) of each of some deals (n,); NEVER, as a number below all, without one."""
    latest = np.full(len(ids) + 1, -1, np.int64)
    there = at != NEVER
    np.maximum.at(latest, codes_in(deal, ids)[there], at[there])
    return latest[:-1]


def _days(rows: Ints, at: Ints, zone: Any) -> dict[int, date]:
    return {
        row: last_known_day(one + 1, zone)
        for row, one in zip(rows.tolist(), at.tolist(), strict=True)
        if one >= 0
    }


def _marks(context: AnswerContext, deal_ids: Sequence[str], lang: Language) -> dict[str, Row]:
    """What to look at about each open deal, and what moves its chance most, against deals won from there."""
    state, forecast = context.state, context.forecast
    rows = np.array([forecast.row_by_deal[one] for one in deal_ids], np.int64)
    if not len(rows):
        return {}
    reader, x = state.reader, forecast.scored.x[rows]
    left = max((forecast.end - context.moment) / DAY, 0.0)
    moments = np.full(len(rows), context.moment, np.int64)
    contributions = forecast.bundle.win.contributions(x, moments, np.full(len(rows), left))
    stage = x[:, reader.columns["stage"]] if "stage" in reader.columns else np.full(len(x), np.nan)
    marks, raised = {}, deal_facts(context).raised
    for number, deal_id in enumerate(deal_ids):
        reference = forecast.references.get(float(stage[number]))
        comparison = explain.compare_with_reference(contributions, number, reference)
        written = explain.Written(reader, x[number], lang)
        marks[deal_id] = {
            "flags": explain.flags(raised[rows[number]], context.moment, context.zone, lang),
            "reasons": [
                {name: reason[name] for name in ("reason", "label", "effect_pp", "controllable")}
                for reason in explain.reasons(written, comparison)
                if reason["reason"] != "other"
            ][:_REASONS],
        }
    return marks


def _steps(
    context: AnswerContext,
    scope: str,
    deal_ids: Sequence[str],
    recommendations: Recommendations,
    lang: Language,
) -> dict[str, Row | None]:
    """The best next action of each open deal; None where none is recommended."""
    forecast = context.forecast
    rows = np.array([forecast.row_by_deal[one] for one in deal_ids], np.int64)
    effects, goal = forecast.effects(rows, scope), forecast.goal(scope)
    steps: dict[str, Row | None] = {}
    for deal_id, row, effect in zip(deal_ids, rows.tolist(), effects, strict=True):
        found = recommendations.recommend(context, row, effect, lang, goal.gap).recommended[:1]
        names = ("action", "label", "uplift_pp", "recommendation_id")
        steps[deal_id] = {name: found[0][name] for name in names} if found else None
    return steps


def _said(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
