"""Were the ranks right (ヨミの答え合わせ)? What became of the deals of past quarters?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm.frames import codes_in, micros
from crm.i18n import Language
from crm.instants import DAY, iso
from crm.periods import Period, period_holding, previous
from features.arrays import Flags, Ints
from service.model_state import AnswerContext
from service.yomi.ranks import Ranks

QUARTERS = 4
WEEK, LAST_WEEK = 4, 12  # of the quarter at whose end ranks are read, by default; at most
FEWEST = 10  # deals below which a share says nothing
_OTHERS = ("activities", "leads", "contracts")  # tables of which nothing is asked here


@dataclass(frozen=True)
class _Marked:
    """The deals that had a rank in a past quarter: rank (n,), person then (n,), whether won in it (n,)."""

    rank: Any
    person: Ints
    won: Flags


def past_ranks(context: AnswerContext, scope: str, ranks: Ranks, week: int, lang: Language) -> dict[str, Any]:
    """Each rank with its deals, how many were won within the quarter, and the same by rep.

    Counted are deals open at the end of a week of each quarter, due by its end as it was known then, of
    people who are in the scope now. The rank is the one of that moment; the outcome is as known now.
    """
    quarters = _quarters(context)
    moments = [quarter.start(context.zone) + 7 * week * DAY for quarter in quarters]
    found = [_marked(context, ranks, *pair) for pair in zip(quarters, moments, strict=True)]
    rank = np.concatenate([np.zeros(0, object), *(one.rank for one in found)])
    person = np.concatenate([np.zeros(0, np.int64), *(one.person for one in found)])
    won = np.concatenate([np.zeros(0, bool), *(one.won for one in found)])
    tree, names = context.forecast.organisation, context.forecast.names
    inside = tree.members(scope)
    persons = [one for one in np.unique(person[np.isin(person, inside)]).tolist() if one != tree.nobody]
    by_rep = []
    for one in persons:
        rows = _rows(ranks, rank[person == one], won[person == one])
        if any(row["deals"] for row in rows):
            scoped = {"scope": f"person:{tree.people[one]}", "ranks": rows}
            by_rep.append(names.with_scope(scoped, lang))
    ours = np.isin(person, inside)
    return {
        "week": week,
        "fewest": FEWEST,
        "quarters": [
            {"period": quarter.name, "as_of": iso(moment, context.zone)}
            for quarter, moment in zip(quarters, moments, strict=True)
        ],
        "ranks": _rows(ranks, rank[ours], won[ours]),
        "by_rep": by_rep,
    }


def _quarters(context: AnswerContext) -> list[Period]:
    """The last quarters before the period that are over and in which deals were known, the newest first."""
    month = context.organisation.fiscal_start_month
    of_period = period_holding(context.forecast.period.first, "quarter", month)
    first_known = int(micros(context.forecast.deals["created_at"]).min(initial=context.moment))
    found = []
    for back in range(1, QUARTERS + 3):  # a period ahead begins with quarters that are not over
        quarter = period_holding(previous(of_period, back).first, "quarter", month)
        if quarter.end(context.zone) <= context.moment and quarter.start(context.zone) > first_known:
            found.append(quarter)
    return found[:QUARTERS]


def _marked(context: AnswerContext, ranks: Ranks, quarter: Period, then: int) -> _Marked:
    end, now = quarter.end(context.zone), context.forecast.deals
    known = context.state.log.without(*_OTHERS).as_of(then)["deals"]
    rank, due = ranks.of_deals(known), known["expected_close_date"]
    asked = known["outcome"].isna().to_numpy() & (due <= pd.Timestamp(quarter.last)).to_numpy(bool)
    asked &= np.array([one in ranks.agreed for one in rank], bool)
    known = known[asked]
    closed = micros(now["closed_at"])
    won_in = (now["outcome"] == "won").to_numpy(bool) & (closed >= then) & (closed < end)
    place = codes_in(known["deal_id"], pd.Index(now["deal_id"]))
    won = np.append(won_in, False)[place]
    return _Marked(rank[asked], context.forecast.organisation.owners_in(known["owner_id"]), won)


def _rows(ranks: Ranks, rank: Any, won: Flags) -> list[dict[str, Any]]:
    rows = []
    for name, agreed in ranks.agreed.items():
        has = rank == name
        deals, wins = int(has.sum()), int(won[has].sum())
        share = wins / deals if deals >= FEWEST else None
        rows.append(
            {
                "rank": name,
                "agreed": agreed,
                "deals": deals,
                "won": wins,
                "share": share,
                "difference_pp": None if share is None else 100 * (share - agreed),
            }
        )
    return rows


def ranks_known(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether any deal had a rank then."""
    return any(row["deals"] for row in rows)
