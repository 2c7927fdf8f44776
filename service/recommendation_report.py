"""Do recommendations help? What became of them, against deals held out, and what the rule itself is worth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.instants import NEVER
from crm.store import Outcome, Recommended
from features import ActionEvents, History
from models.actions import evaluate_policy, mean_difference

Floats = NDArray[np.float64]

MIN_CLOSED_DEALS = 30  # deals of each side that have closed, for a comparison


def effect_report(
    made: Sequence[Recommended], outcomes: Sequence[Outcome], history: History, deeds: Sequence[ActionEvents]
) -> dict[str, Any]:
    """Counts by action, the lift against the hold-out, and the value of always taking the best."""
    said = {(one.recommendation_id, one.state): one for one in outcomes}
    seen = _seen_done(made, history, deeds)
    rows: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for one in made:
        if one.arm == "hold_out":
            continue
        count = rows.setdefault(one.action, Counter())
        count["recommended"] += 1
        for state in ("shown", "accepted", "dismissed"):
            count[state] += (one.recommendation_id, state) in said
        count["done"] += (one.recommendation_id, "done") in said or one.recommendation_id in seen
        dismissed = said.get((one.recommendation_id, "dismissed"))
        if dismissed is not None and dismissed.reason:
            reasons.setdefault(one.action, Counter())[dismissed.reason] += 1
    won = _won(made, history)
    return {
        "recommendations": sum(count["recommended"] for count in rows.values()),
        "by_action": [
            {
                "action": action,
                **{name: count[name] for name in ("recommended", "shown", "accepted", "dismissed", "done")},
                "reasons": dict(reasons.get(action, {})),
            }
            for action, count in sorted(rows.items())
        ],
        "hold_out": _against_hold_out(made, won),
        "off_policy_value": _best_always(made, won),
    }


def _seen_done(made: Sequence[Recommended], history: History, deeds: Sequence[ActionEvents]) -> set[str]:
    """Recommendations whose action the activities show to be done while they were valid."""
    number = history.deal_ids.get_indexer(pd.Index([one.deal_id for one in made], dtype=object))
    by_action = {one.action: one for one in deeds}
    found = set()
    for one, deal in zip(made, number, strict=True):
        done = by_action.get(one.action)
        if done is None or deal < 0:
            continue
        low, high = np.searchsorted(done.deal, [deal, deal + 1])
        when = done.at[low:high]  # noqa: PD008 - an array of instants
        if ((when >= one.made_at) & (when < one.valid_until)).any():
            found.add(one.recommendation_id)
    return found


def _won(made: Sequence[Recommended], history: History) -> dict[str, float]:
    """Outcome 1/0 of the deals that have closed since."""
    number = history.deal_ids.get_indexer(pd.Index([one.deal_id for one in made], dtype=object))
    return {
        one.deal_id: float(history.outcome[deal])
        for one, deal in zip(made, number, strict=True)
        if deal >= 0 and history.closed[deal] != NEVER and history.outcome[deal] >= 0
    }


def _against_hold_out(made: Sequence[Recommended], won: dict[str, float]) -> dict[str, Any] | None:
    """Win rates of deals with recommendations and held out; None where there are no deals held out."""
    held = {one.deal_id for one in made if one.arm == "hold_out"}
    if not held:
        return None
    since = min(one.made_at for one in made if one.arm == "hold_out")  # before, nobody was held out
    helped = {one.deal_id for one in made if one.made_at >= since} - held
    ours, theirs = ([won[deal] for deal in sorted(side) if deal in won] for side in (helped, held))
    enough = min(len(ours), len(theirs)) >= MIN_CLOSED_DEALS
    gap = mean_difference(np.array(ours), np.array(theirs)) if enough else None
    return {
        "recommended_closed": len(ours),
        "held_out_closed": len(theirs),
        "win_rate_recommended": float(np.mean(ours)) if ours else None,
        "win_rate_held_out": float(np.mean(theirs)) if theirs else None,
        "lift_pp": None if gap is None else 100 * gap.value,
        "interval": None if gap is None else [100 * gap.low, 100 * gap.high],
    }


def _best_always(made: Sequence[Recommended], won: dict[str, float]) -> dict[str, Any] | None:
    """The win rate if the action thought best were always put first, judged by explored choices."""
    first: dict[str, Recommended] = {}
    for one in made:
        if one.arm == "explore" and one.deal_id in won:
            first.setdefault(one.deal_id, one)
    if len(first) < MIN_CLOSED_DEALS:
        return None
    rows = list(first.values())
    outcome = np.array([won[one.deal_id] for one in rows])
    most = max(len(json.loads(one.alternatives)) for one in rows)
    rule, expected = np.zeros((len(rows), most)), np.zeros((len(rows), most))
    for at, one in enumerate(rows):
        uplift = np.array([other["uplift"] for other in json.loads(one.alternatives)])
        rule[at, int(uplift.argmax())] = 1.0
        expected[at, : len(uplift)] = np.clip(one.chance + uplift, 0, 1)
    chosen = np.zeros(len(rows), np.int64)
    value = evaluate_policy(outcome, chosen, np.array([one.propensity for one in rows]), rule, expected)
    estimates = {name: asdict(one) for name, one in vars(value).items() if name != "effective"}
    return {
        "deals": len(rows),
        "win_rate_observed": float(outcome.mean()),
        **estimates,
        "effective_sample_size": value.effective_size,
    }
