"""How do reps compare on equal deals, and where would help pay off?"""

from __future__ import annotations

from typing import Any

import numpy as np

from crm.i18n import Language, Text
from models.kpis import KpiForecasts
from models.seller_attribution import AttributedDeals, ResultsAboveExpected, results_above_expected
from models.stage_conversion import StageConversion, stage_conversions
from service.language import signed_text

_MIN_GAP = 0.03  # of conversion to the top quartile, from which help is suggested
_VERDICTS = {
    "above": Text(
        "担当商談の条件をそろえて比べても、受注が期待を上回っています（{p50}件、80%幅 {p10}〜{p90}件）。",
        "Wins are above what these deals would give an average rep ({p50}; 80% {p10} to {p90}).",
    ),
    "below": Text(
        "担当商談の条件をそろえて比べると、受注が期待を下回っています（{p50}件、80%幅 {p10}〜{p90}件）。"
        "支援の優先候補です。担当商談の次の打ち手を一緒に確認してください。",
        "Wins are below what these deals would give an average rep ({p50}; 80% {p10} to {p90}); first in "
        "line for support: go through the next actions on their deals together.",
    ),
    "within_chance": Text("期待との差は、偶然の範囲内です。", "Within chance of what was expected."),
}
_FOCUS = Text(
    "支援の重点：{start}→{end}（移行率{own:.0%}、上位25%は{top:.0%}）。成功事例の共有や同行を検討してください。",
    "Where to help: {start} → {end} ({own:.0%}; top quartile {top:.0%}). Share what works there, or come "
    "along to a meeting.",
)


def people_rows(
    attributed: AttributedDeals, recent: AttributedDeals, prospects: KpiForecasts, scope: str, lang: Language
) -> dict[str, Any]:
    """The people and teams of a scope compared with an average rep on the same deals."""
    organisation = prospects.remaining.organisation
    people = organisation.members(scope)
    people = people[people < len(organisation.people)]
    own = np.append(np.arange(len(organisation.people)), -1)
    results = results_above_expected(attributed, recent, own, len(organisation.people))
    legs = stage_conversions(prospects.kpi_events, prospects.remaining)
    rows = [
        {
            "scope": f"person:{organisation.people[person]}",
            "style": str(prospects.remaining.style[person]) or None,
            **_row(results, person, lang),
            **_stages(legs, person, lang),
        }
        for person in people.tolist()
        if results.deals[person] > 0
    ]
    rows.sort(key=lambda row: -row["wins_above_expected"]["p50"])
    teams = []
    has_deals = results.deals > 0
    for team in (f"team:{name}" for name in organisation.teams):
        members = organisation.members(team)
        if not set(members) < set(people) or has_deals[members].sum() == has_deals.sum():
            continue  # not within the scope, or the same people as the scope
        group = np.full(len(own), -1, np.int64)
        group[members] = 0
        of_team = results_above_expected(attributed, recent, group, 1)
        if of_team.deals[0] > 0:
            teams.append({"scope": team, **_row(of_team, 0, lang)})
    return {"people": rows, "teams": teams}


def _row(results: ResultsAboveExpected, at: int, lang: Language) -> dict[str, Any]:
    low, middle, high = results.wins_above[at].tolist()
    bounds = {"p10": signed_text(low), "p50": signed_text(middle), "p90": signed_text(high)}
    verdict = "above" if low > 0 else "below" if high < 0 else "within_chance"
    revenue_above = results.revenue_above[at].tolist()
    return {
        "deals": int(results.deals[at]),
        "wins": int(results.wins[at]),
        "expected_wins": float(results.expected_wins[at]),
        "wins_above_expected": {"p10": low, "p50": middle, "p90": high},
        "revenue": float(results.revenue[at]),
        "expected_revenue": float(results.expected_revenue[at]),
        "revenue_above_expected": dict(zip(("p10", "p50", "p90"), revenue_above, strict=True)),
        "verdict": verdict,
        "message": _VERDICTS[verdict].format(**bounds).to(lang),
    }


def _stages(legs: list[StageConversion], person: int, lang: Language) -> dict[str, Any]:
    """Each stage transition, and the one with the largest gap to the top quartile of peers."""
    rows, largest, focus = [], _MIN_GAP, None
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
        if gap > largest:
            largest = gap
            own, top = float(leg.share[person]), float(leg.top_share[person])
            focus = _FOCUS.format(start=leg.start, end=leg.end, own=own, top=top)
    return {"stages": rows, "coaching_focus": None if focus is None else focus.to(lang)}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
