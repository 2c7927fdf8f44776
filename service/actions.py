"""Which next actions help a deal, by how much, how surely, and why not the others?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.i18n import Language, Text
from crm.instants import DAY, iso, last_known_day
from crm.store import Recommended
from features import label_of
from features.arrays import Floats
from models.actions import ActionEffect, CandidateAction, e_value, reliability_of
from models.forecast.attainment import DealEffect
from models.forecast.undecided import RankedBy, share_of_gap
from models.statistics import Z80
from service.recommendation_ids import recommendation_id
from service.settings import ActionSettings

VALID_DAYS = 14  # the effects are of an action done about now
_DRAWS = 400  # of Thompson sampling, to estimate the propensity of each action
_WHY_NOT = {
    "done": Text("実施済み、または直近に実施しています。", "Already done, or done just now."),
    "no_comparison": Text(
        "このステージでの実施例が少なく、効果を判断できません。", "Too few past deals at this stage had it."
    ),
    "no_benefit": Text(
        "効果を確認できていません（同じような商談での予測幅に0以下を含みます）。",
        "No effect shown yet (the 80% range on such deals reaches 0).",
    ),
    "confounded": Text(
        "もともと見込みの良い商談で実施されることが多く、打ち手の効果とは言い切れません（信頼度：低）。",
        "It is mostly done on deals already going well, so the effect cannot be separated (low reliability).",
    ),
}
_ADJUSTED = Text(
    "実施前日までの商談の状態すべて（ステージ・経過日数・活動・金額・担当者・取引先など）",
    "everything known of the deal the day before: stage, pace, activity, amount, rep, account and more",
)


@dataclass(frozen=True)
class ScoredDeal:
    """One deal and its scores: win probability ever and by the period's end, effect on the goal, amount."""

    deal_id: str
    row: int  # among the deals that the candidates were computed for
    ever: float
    by_end: float
    effect: DealEffect | None
    amount: float  # mean if won
    gap: float | None = None  # what is missing to the target


@dataclass(frozen=True)
class DealRecommendations:
    """Actions recommended for a deal, best first, those that are not and why, and the record of the first."""

    recommended: list[dict[str, Any]]
    not_recommended: list[dict[str, Any]]
    record: Recommended | None
    held_out: bool = False


def recommend_actions(
    deal: ScoredDeal,
    candidates: Sequence[CandidateAction],
    known: Sequence[ActionEffect],
    settings: ActionSettings,
    moment: int,
    version: str,
    zone: ZoneInfo,
    lang: Language,
) -> DealRecommendations:
    """The actions for a deal, the largest gain per minute of effort first."""
    effects = {effect.action: effect for effect in known}
    helpful = [candidate for candidate in candidates if candidate.recommended[deal.row]]
    rows = [
        _row(deal, candidate, effects[candidate.action], moment, version, zone, lang) for candidate in helpful
    ]
    # On one deal, effects on the goal and on revenue are proportional to the uplift.
    rows.sort(key=lambda row: -row["uplift_pp"] / max(row["effort_minutes"], 1.0))
    not_recommended = [
        _not_recommended(deal.row, candidate, lang)
        for candidate in candidates
        if not candidate.recommended[deal.row]
    ]
    if not rows:
        return DealRecommendations([], not_recommended, None)
    day = last_known_day(moment, zone).isoformat()
    by_action = {candidate.action: candidate for candidate in helpful}
    ordered = [by_action[row["action"]] for row in rows]
    propensities = _propensities(deal, ordered, rows, settings, f"{deal.deal_id}|{day}|{version}")
    held_out = _unit(f"hold-out|{deal.deal_id}") < settings.hold_out
    arm = "hold_out" if held_out else "explore" if settings.explore else "usual"
    first = 0
    if settings.explore:
        first = int(np.searchsorted(np.cumsum(propensities), _unit(f"draw|{deal.deal_id}|{day}|{version}")))
        first = min(first, len(rows) - 1)
        rows = [rows[first], *rows[:first], *rows[first + 1 :]]
        propensities = np.concatenate([[propensities[first]], np.delete(propensities, first)])
    best = rows[0]
    alternatives = [
        {"action": row["action"], "uplift": row["uplift_pp"] / 100, "propensity": float(propensity)}
        for row, propensity in zip(rows, propensities, strict=True)
    ]
    record = Recommended(
        best["recommendation_id"],
        moment,
        moment + VALID_DAYS * DAY,
        deal.deal_id,
        best["action"],
        arm,
        version,
        deal.ever,
        best["uplift_pp"] / 100,
        best["interval"][0] / 100,
        best["interval"][1] / 100,
        float(propensities[0]),
        json.dumps(alternatives, ensure_ascii=False),
    )
    return DealRecommendations([] if held_out else rows, not_recommended, record, held_out)


def _row(
    deal: ScoredDeal,
    candidate: CandidateAction,
    known: ActionEffect,
    moment: int,
    version: str,
    zone: ZoneInfo,
    lang: Language,
) -> dict[str, Any]:
    row = deal.row
    uplift = float(min(candidate.effect[row], 1 - deal.ever))
    low, high = float(candidate.low[row]), float(candidate.high[row])
    by_end = uplift * deal.by_end / max(deal.ever, 1e-9)
    attainment_pp = None
    if deal.effect is not None:
        attainment_pp = 100 * by_end * (deal.effect.if_won - deal.effect.if_lost)
    robustness = e_value(deal.ever, low)
    evidence = known.evidence
    day = last_known_day(moment, zone)
    return {
        "recommendation_id": recommendation_id(deal.deal_id, candidate.action, day, version),
        "action": candidate.action,
        "label": label_of(candidate.action).to(lang),
        "uplift_pp": 100 * uplift,
        "interval": [100 * low, 100 * high],
        "attainment_pp": attainment_pp,
        "revenue": by_end * deal.amount,
        "gap_share": share_of_gap(by_end * deal.amount, deal.gap),
        "expected_revenue": by_end * deal.amount,
        "effort_minutes": known.minutes,
        "reliability": reliability_of(uplift, low, float(candidate.selection_bias[row]), robustness),
        "e_value": robustness,
        "evidence": {
            "deals_with": evidence.deals_with,
            "deals_without": evidence.deals_without,
            "win_rate_with": evidence.rate_with,
            "win_rate_without": evidence.rate_without,
            "adjusted_for": _ADJUSTED.to(lang),
            "top_sellers_share": evidence.top_share,
            "other_sellers_share": evidence.other_share,
        },
        "valid_until": iso(moment + VALID_DAYS * DAY, zone),
    }


def gain_per_hour(row: Mapping[str, Any], by: RankedBy) -> tuple[float, float]:
    """Gain per hour of an action: points of attainment (to the hundredth), then expected revenue.

    Where the goal is ranked by revenue, that alone counts: points would order by chance.
    """
    hours = max(float(row["effort_minutes"]), 1.0) / 60
    points = round(float(row["attainment_pp"] or 0.0) / hours, 2) if by == "attainment" else 0.0
    return points, float(row["revenue"]) / hours


def _not_recommended(row: int, candidate: CandidateAction, lang: Language) -> dict[str, Any]:
    if candidate.done[row]:
        why = "done"
    elif not candidate.comparable[row]:
        why = "no_comparison"
    elif candidate.selection_bias[row] > 0 and candidate.effect[row] + candidate.selection_bias[row] > 0:
        why = "confounded"
    else:
        why = "no_benefit"
    return {
        "action": candidate.action,
        "label": label_of(candidate.action).to(lang),
        "code": why,
        "message": _WHY_NOT[why].to(lang),
    }


def _propensities(
    deal: ScoredDeal,
    candidates: Sequence[CandidateAction],
    rows: Sequence[Mapping[str, Any]],
    settings: ActionSettings,
    seed: str,
) -> Floats:
    """Probability of each action to come first: 1 for the best, or that of Thompson sampling."""
    if not settings.explore:
        return np.asarray(np.eye(len(rows))[0])
    rng = np.random.default_rng(int(_digest(seed)[:12], 16))
    row = deal.row
    effect = np.array([candidate.effect[row] for candidate in candidates])
    # Of the mean effect on such deals: what trying can teach.
    sd = np.array([(candidate.effect[row] - candidate.kind_low[row]) / Z80 for candidate in candidates])
    minutes = np.array([max(action["effort_minutes"], 1.0) for action in rows])
    drawn = (effect + sd * rng.standard_normal((_DRAWS, len(rows)))) / minutes
    return np.asarray(np.bincount(drawn.argmax(axis=1), minlength=len(rows)) / _DRAWS)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _unit(text: str) -> float:
    """A pseudo-random number in [0, 1), the same for the same text."""
    return int(_digest(text)[:12], 16) / 16**12
