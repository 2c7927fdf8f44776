"""What does the deal sheet of a scope and period say? Summary, answer check and one row for each deal."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import end_of_day
from crm.organisation import COMPANY
from crm.periods import Period, months_in
from crm.schema import TABLES
from models.forecast.targets import targets_of
from models.month_outlook import expected_by_ends
from service import messages
from service.interval_proof import IntervalProof, interval_proof, kind_of
from service.kept_backtests import newest_backtest
from service.model_state import AnswerContext
from service.recommendations import Recommendations
from service.serving_state import ServingState
from service.sight import EVERYTHING, Sight
from service.unknown_stages import open_deals_warning
from service.yomi.past_ranks import past_ranks
from service.yomi.ranks import Ranks
from service.yomi.sheet import WON, sheet_of
from service.yomi.summary import summary_rows

_LEVEL = 0.8  # of the interval from p10 to p90
_MOST_VALUES = 12  # different values that a column of ranks can have
_SHOWN_VALUES = 6
NO_RANGE_BY_MONTH = Text(
    "月ごとの8割の幅は表示していません。今後の新規商談がどの月に入るかは平均でしか見積もっておらず、"
    "月ごとの幅が実績と合うことを過去検証で確かめていないためです。",
    "No 80% range is shown by month: in which month new business comes is only known on average, and no "
    "backtest shows that ranges by month would hold.",
)
NO_RANKS = Text(
    "ヨミの列がまだ決まっていません。`sancho organisation --rank-column 列名` で指定してください。",
    "It is not said yet which column holds the ranks; name it with `sancho organisation --rank-column NAME`.",
)

_NO_SUCH_COLUMN = Text(
    "「{column}」はヨミの列として選べません。選べる列：{known}",
    "{column!r} cannot be the column of the ranks; choose one of: {known}",
)


class YomiSheets:
    """The deal sheet (ヨミ表)."""

    def __init__(self, serving: ServingState, recommendations: Recommendations) -> None:
        self._serving = serving
        self._recommendations = recommendations

    @property
    def rank_column(self) -> str | None:
        """The column of deals that holds the ranks, as the organisation says now; None = none is named."""
        state = self._serving.current()
        return state.organisation(state.now).rank_column

    def intervals(self) -> IntervalProof:
        """What the newest backtest says of the intervals of revenue."""
        return interval_proof(None, newest_backtest(self._serving.settings))

    @property
    def rests_on(self) -> Hashable:
        """What an answer rests on besides rows and model: the ranks' column, and the newest backtest."""
        return self.rank_column, self.intervals()

    def name_rank_column(self, column: str) -> None:
        """Stores which column of deals holds the ranks; SanchoError for one that could not."""
        from crm.importing import push_rows

        offered = [one["column"] for one in rank_columns(self._serving.current().log["deals"])]
        if column not in offered:
            known = ", ".join(offered) or "–"
            raise SanchoError(_NO_SUCH_COLUMN.format(column=column, known=known), "bad_request")
        row = {"organisation_id": COMPANY, "rank_column": column}
        push_rows(self._serving.store, "organisation", [row], self._serving.zone(), source="page")
        self._serving.catch_up()

    def sheet(
        self,
        period: str,
        scope: str,
        as_of: str | None,
        week: int,
        lang: Language,
        sight: Sight = EVERYTHING,
    ) -> dict[str, Any]:
        """Its summary by month, the answer check of past quarters, and a row for each open or won deal."""
        context = self._serving.context(as_of, period, sight)
        state, forecast = context.state, context.forecast
        # Which column has the ranks is a way to read what was known then, so the newest word counts.
        column = self.rank_column
        ranks = Ranks.of(column, self._serving.settings.ranks, forecast.deals)
        sheet = sheet_of(context, scope, ranks, self._recommendations, lang)
        months = months_in(forecast.period)
        answer, expected = forecast.of_scope(scope), _expected(context, scope, months)
        names = [month.name for month in months]
        rows = summary_rows(sheet.rows, names, ranks, _targets(context, scope, months), expected, lang)
        no_day = sum(row["month"] is None for row in sheet.rows)
        warnings = open_deals_warning(state, context.moment)
        if answer["target"] is None:
            label = forecast.names.label(scope)
            warnings = [("no_target", messages.no_target(label, forecast.period)), *warnings]
        if column is None:
            warnings = [("no_rank_column", NO_RANKS), *warnings]
        proof = self.intervals()
        kind = kind_of(scope)
        shown = ("mean", "p10", "p50", "p90") if proof.shows(kind, _LEVEL) else ("mean", "p50")
        revenue = dict.fromkeys(("mean", "p10", "p50", "p90")) | {n: answer["revenue"][n] for n in shown}
        return {
            "period": forecast.period.name,
            "scope": scope,
            "name": forecast.names.scope(scope, lang),
            "rank_column": column,
            "rank_columns": rank_columns(forecast.deals) if column is None else [],
            "ranks": [
                {"rank": rank, "agreed": agreed, "counted_on": rank in ranks.committed}
                for rank, agreed in ranks.agreed.items()
            ],
            "target": answer["target"],
            "probability": answer["probability"],
            "revenue": {**revenue, "interval": proof.verdict(kind, _LEVEL)},
            "months": names,
            "summary": rows,
            "no_range_by_month": NO_RANGE_BY_MONTH.to(lang),
            "answer_check": past_ranks(context, scope, ranks, week, lang) if column is not None else None,
            "deals": sheet.rows,
            "deals_without_day": no_day,
            "deals_due_later": sheet.due_later,
            **self._serving.metadata(state, context.moment, lang, warnings),
        }


def rank_columns(deals: pd.DataFrame) -> list[dict[str, Any]]:
    """The organisation's own columns of deals that could hold ranks, with some of their values."""
    found = []
    for name in deals.columns[len(TABLES["deals"].columns) :]:
        values = deals[name].dropna()
        seen = values.value_counts()
        if 1 < (seen > 0).sum() <= _MOST_VALUES:
            shown = [str(value) for value in seen[seen > 0].index[:_SHOWN_VALUES]]
            found.append({"column": str(name), "values": shown})
    return found


def _targets(context: AnswerContext, scope: str, months: list[Period]) -> list[float | None]:
    """The scope's targets by month, None where none is set for it, and that of the period."""
    known = context.state.log.without("activities").as_of(context.moment)
    start = context.calendar.fiscal_start_month
    of_months = [targets_of(known, month, start).get(scope) for month in months]
    return [*of_months, context.forecast.facts.target(scope)]


def _expected(context: AnswerContext, scope: str, months: list[Period]) -> list[float]:
    """The mean forecast by month, won deals included, and its sum."""
    forecast, zone = context.forecast, context.zone
    people = forecast.organisation.members(scope)
    known = context.state.log.without("activities").as_of(context.moment)
    closed = [
        float(forecast.won_between(month.start(zone), month.end(zone))[people].sum()) for month in months
    ]
    ahead = [month for month in months if end_of_day(month.last, zone) > context.moment]
    by_end = expected_by_ends(
        forecast.bundle,
        known,
        forecast.outlook,
        context.moment,
        forecast.period,
        people,
        [month.last for month in ahead],
        context.calendar,
    )
    to_come = [0.0] * (len(months) - len(ahead)) + np.diff(by_end, prepend=0.0).tolist()
    by_month = [won + rest for won, rest in zip(closed, to_come, strict=True)]
    return [*by_month, sum(by_month)]


__all__ = ["NO_RANGE_BY_MONTH", "NO_RANKS", "WON", "YomiSheets", "rank_columns"]
