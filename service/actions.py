"""How are next actions told: which help this deal, by how much, how sure, and why not the others?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Language, Text
from crm.instants import DAY, iso, last_known_day
from crm.store import Recommended
from features import label_of
from models.actions import ActionEffect, CandidateAction, e_value, reliability_of
from models.forecast.attainment import DealEffect
from models.statistics import Z80
from service.settings import ActionSettings

Floats = NDArray[np.float64]

VALID_DAYS = 14  # the effects are of an action done about now
_DRAWS = 400  # from which the chance of each action to be drawn is known
_WHY_NOT = {
    "done": Text("実施済み、または直近に実施しています。", "It has been done, or was done just now."),
    "no_comparison": Text(
        "このステージで実施した過去の商談が少なく、比べられません。",
        "Too few past deals had it in this stage to compare with.",
    ),
    "no_benefit": Text(
        "効果がないことも否定できません（80%区間の下端が0以下です）。",
        "It may well do nothing: its 80 % interval reaches down to no benefit.",
    ),
    "confounded": Text(
        "見込みの良い商談で選んで行われていたため、効果か結果かを区別できません（関連はあるが信頼度は低い）。",
        "It was done on deals that were going well, so its doing cannot be told from theirs: an association "
        "of low reliability.",
    ),
}
_ADJUSTED = Text(
    "実施前日までの商談の状態すべて（ステージ・経過日数・活動・金額・担当者・取引先など）",
    "all that was known of the deal the day before: stage, pace, activity, amount, seller, account and more",
)


@dataclass(frozen=True)
class ScoredDeal:
    """One deal to be helped: its chances, what it does to the goal, and its money."""

    deal_id: str
    row: int  # in the offers
    ever: float
    by_end: float
    effect: DealEffect | None
    amount: float  # mean if won


@dataclass(frozen=True)
class DealRecommendations:
    """What is recommended for a deal, best first, what is not and why, and the log's row of the first."""

    recommended: list[dict[str, Any]]
    not_recommended: list[dict[str, Any]]
    record: Recommended | None
    held_out: bool = False


def recommend_actions(
    target: ScoredDeal,
    offers: Sequence[CandidateAction],
    known: Sequence[ActionEffect],
    settings: ActionSettings,
    moment: int,
    version: str,
    zone: Any,
    lang: Language,
) -> DealRecommendations:
    """The actions of a deal, by what they bring per minute of effort."""
    effects = {one.action: one for one in known}
    sound = [one for one in offers if one.recommended[target.row]]
    rows = [_row(target, one, effects[one.action], moment, version, zone, lang) for one in sound]
    # On one deal goal and revenue go with the uplift.
    rows.sort(key=lambda row: -row["uplift_pp"] / max(row["effort_minutes"], 1.0))
    refused = [_refused(target.row, one, lang) for one in offers if not one.recommended[target.row]]
    if not rows:
        return DealRecommendations([], refused, None)
    day = last_known_day(moment, zone).isoformat()
    by_action = {one.action: one for one in sound}
    ordered = [by_action[row["action"]] for row in rows]
    shares = _shares(target, ordered, rows, settings, f"{target.deal_id}|{day}|{version}")
    held = _unit(f"hold-out|{target.deal_id}") < settings.hold_out
    arm = "hold_out" if held else "explore" if settings.explore else "usual"
    first = 0
    if settings.explore:
        first = int(np.searchsorted(np.cumsum(shares), _unit(f"draw|{target.deal_id}|{day}|{version}")))
        first = min(first, len(rows) - 1)
        rows = [rows[first], *rows[:first], *rows[first + 1 :]]
        shares = np.concatenate([[shares[first]], np.delete(shares, first)])
    best = rows[0]
    others = [
        {"action": row["action"], "uplift": row["uplift_pp"] / 100, "propensity": float(share)}
        for row, share in zip(rows, shares, strict=True)
    ]
    log = Recommended(
        best["recommendation_id"],
        moment,
        moment + VALID_DAYS * DAY,
        target.deal_id,
        best["action"],
        arm,
        version,
        target.ever,
        best["uplift_pp"] / 100,
        best["interval"][0] / 100,
        best["interval"][1] / 100,
        float(shares[0]),
        json.dumps(others, ensure_ascii=False),
    )
    return DealRecommendations([] if held else rows, refused, log, held)


def _row(
    target: ScoredDeal,
    offer: CandidateAction,
    known: ActionEffect,
    moment: int,
    version: str,
    zone: Any,
    lang: Language,
) -> dict[str, Any]:
    at = target.row
    uplift = float(min(offer.effect[at], 1 - target.ever))
    low, high = float(offer.low[at]), float(offer.high[at])
    sooner = uplift * target.by_end / max(target.ever, 1e-9)
    goal = None
    if target.effect is not None:
        goal = 100 * sooner * (target.effect.if_won - target.effect.if_lost)
    bound = e_value(target.ever, low)
    evidence = known.evidence
    day = last_known_day(moment, zone).isoformat()
    return {
        "recommendation_id": "R" + _digest(f"{target.deal_id}|{offer.action}|{day}|{version}")[:15],
        "action": offer.action,
        "label": label_of(offer.action).to(lang),
        "uplift_pp": 100 * uplift,
        "interval": [100 * low, 100 * high],
        "attainment_pp": goal,
        "expected_revenue": sooner * target.amount,
        "effort_minutes": known.minutes,
        "reliability": reliability_of(uplift, low, float(offer.selection_bias[at]), bound),
        "e_value": bound,
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


def gain_per_hour(row: Mapping[str, Any]) -> tuple[float, float]:
    """What an hour of an action brings: points of attainment (to the hundredth), then expected revenue."""
    hours = max(float(row["effort_minutes"]), 1.0) / 60
    return round(float(row["attainment_pp"] or 0.0) / hours, 2), float(row["expected_revenue"]) / hours


def _refused(at: int, offer: CandidateAction, lang: Language) -> dict[str, Any]:
    if offer.done[at]:
        why = "done"
    elif not offer.comparable[at]:
        why = "no_comparison"
    elif offer.selection_bias[at] > 0 and offer.effect[at] + offer.selection_bias[at] > 0:
        why = "confounded"
    else:
        why = "no_benefit"
    return {
        "action": offer.action,
        "label": label_of(offer.action).to(lang),
        "code": why,
        "message": _WHY_NOT[why].to(lang),
    }


def _shares(
    target: ScoredDeal,
    offers: Sequence[CandidateAction],
    rows: Sequence[Mapping[str, Any]],
    settings: ActionSettings,
    seed: str,
) -> Floats:
    """The chance of each action to be put first: all to the first, or Thompson sampling's."""
    if not settings.explore:
        return np.asarray(np.eye(len(rows))[0])
    rng = np.random.default_rng(int(_digest(seed)[:12], 16))
    at = target.row
    effect = np.array([one.effect[at] for one in offers])
    sd = np.array([(one.high[at] - one.low[at]) / (2 * Z80) for one in offers])
    minutes = np.array([max(row["effort_minutes"], 1.0) for row in rows])
    drawn = (effect + sd * rng.standard_normal((_DRAWS, len(rows)))) / minutes
    return np.asarray(np.bincount(drawn.argmax(axis=1), minlength=len(rows)) / _DRAWS)


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def _unit(words: str) -> float:
    """A number in [0, 1), the same for the same words."""
    return int(_digest(words)[:12], 16) / 16**12
