"""How do people stand, their deals' quality taken out, and where could whom be helped?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Language, Text
from models.kpis import KpiForecasts
from models.seller_attribution import AttributedDeals, ResultsAboveExpected, results_above_expected
from models.stage_conversion import StageConversion, stage_conversions

Floats = NDArray[np.float64]

_LEAST_GAP = 0.03  # of conversion, from which help is named
_VERDICTS = {
    "above": Text(
        "案件の質を差し引いても、平均的な担当者より多く受注しています。",
        "More wins than these deals would have brought an average seller.",
    ),
    "below": Text(
        "案件の質を差し引くと、平均的な担当者より受注が少なくなっています。",
        "Fewer wins than these deals would have brought an average seller.",
    ),
    "within_chance": Text(
        "平均的な担当者との差は、偶然で説明できる範囲です。",
        "No different from an average seller beyond what luck explains.",
    ),
}


def people_rows(
    handed: AttributedDeals, lately: AttributedDeals, prospects: KpiForecasts, scope: str, lang: Language
) -> dict[str, Any]:
    """The people and teams of a scope against what an average seller would have brought."""
    organisation = prospects.remaining.organisation
    people = organisation.members(scope)
    people = people[people < len(organisation.people)]
    own = np.append(np.arange(len(organisation.people)), -1)
    whose = results_above_expected(handed, lately, own, len(organisation.people))
    legs = stage_conversions(prospects.kpi_events, prospects.remaining)
    rows = [
        {
            "scope": f"person:{organisation.people[person]}",
            "style": str(prospects.remaining.style[person]) or None,
            **_row(whose, person, lang),
            **_legs(legs, person, lang),
        }
        for person in people.tolist()
        if whose.deals[person] > 0
    ]
    rows.sort(key=lambda row: -row["wins_above_expected"]["p50"])
    teams = []
    busy = whose.deals > 0
    for team in (f"team:{name}" for name in organisation.teams):
        members = organisation.members(team)
        if not set(members) < set(people) or busy[members].sum() == busy.sum():
            continue  # not of the scope, or all there is
        group = np.full(len(own), -1, np.int64)
        group[members] = 0
        together = results_above_expected(handed, lately, group, 1)
        if together.deals[0] > 0:
            teams.append({"scope": team, **_row(together, 0, lang)})
    return {"people": rows, "teams": teams}


def _row(found: ResultsAboveExpected, at: int, lang: Language) -> dict[str, Any]:
    low, middle, high = found.wins_above[at].tolist()
    verdict = "above" if low > 0 else "below" if high < 0 else "within_chance"
    more = found.revenue_above[at].tolist()
    return {
        "deals": int(found.deals[at]),
        "wins": int(found.wins[at]),
        "expected_wins": float(found.expected_wins[at]),
        "wins_above_expected": {"p10": low, "p50": middle, "p90": high},
        "revenue": float(found.revenue[at]),
        "expected_revenue": float(found.expected_revenue[at]),
        "revenue_above_expected": dict(zip(("p10", "p50", "p90"), more, strict=True)),
        "verdict": verdict,
        "message": _VERDICTS[verdict].to(lang),
    }


def _legs(legs: list[StageConversion], person: int, lang: Language) -> dict[str, Any]:
    """Each leg of the way, and the one where most is lost against the better quartile of peers."""
    rows, most, help_with = [], _LEAST_GAP, None
    for leg in legs:
        if np.isnan(leg.share[person]):
            continue
        gap = float(leg.top_share[person] - leg.share[person])
        rows.append(
            {
                "from": leg.start.to(lang),
                "to": leg.end.to(lang),
                "deals": int(leg.deals[person]),
                "conversion": float(leg.share[person]),
                "top_quartile_conversion": _known(leg.top_share[person]),
                "days": _known(leg.days[person]),
                "top_quartile_days": _known(leg.top_days[person]),
            }
        )
        if gap > most:
            most = gap
            help_with = Text(
                "{start}から{end}への移行率が{own:.0%}で、上位25%の{top:.0%}を下回っています。",
                "{own:.0%} of deals go on from {start} to {end}; in the better quartile {top:.0%} do.",
            ).format(
                start=leg.start, end=leg.end, own=float(leg.share[person]), top=float(leg.top_share[person])
            )
    return {"stages": rows, "coaching_focus": None if help_with is None else help_with.to(lang)}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
