"""Do recommendations help? Counts of their outcomes, comparison with the holdout group, off-policy value."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from crm.instants import NEVER
from crm.store import Outcome, Recommended
from features import ActionEvents, History
from models.actions import evaluate_policy, mean_difference

MIN_CLOSED_DEALS = 30  # closed deals on each side from which win rates are compared


def effect_report(
    recommendations: Sequence[Recommended],
    outcomes: Sequence[Outcome],
    history: History,
    deeds: Sequence[ActionEvents],
) -> dict[str, Any]:
    """Counts by action, lift over the holdout group, and the value of always taking the best-rated action."""
    reported = {(outcome.recommendation_id, outcome.state): outcome for outcome in outcomes}
    observed = _seen_done(recommendations, history, deeds)
    counts: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for row in recommendations:
        if row.arm == "hold_out":
            continue
        count = counts.setdefault(row.action, Counter())
        count["recommended"] += 1
        for state in ("shown", "accepted", "dismissed"):
            count[state] += (row.recommendation_id, state) in reported
        count["done"] += (
            row.recommendation_id,
            "done",
        ) in reported or row.recommendation_id in observed
        dismissed = reported.get((row.recommendation_id, "dismissed"))
        if dismissed is not None and dismissed.reason:
            reasons.setdefault(row.action, Counter())[dismissed.reason] += 1
    won = _won(recommendations, history)
    return {
        "recommendations": sum(count["recommended"] for count in counts.values()),
        "by_action": [
            {
                "action": action,
                **{name: count[name] for name in ("recommended", "shown", "accepted", "dismissed", "done")},
                "reasons": dict(reasons.get(action, {})),
            }
            for action, count in sorted(counts.items())
        ],
        "hold_out": _holdout_comparison(recommendations, won),
        "off_policy_value": _best_action_value(recommendations, won),
    }


def _seen_done(
    recommendations: Sequence[Recommended], history: History, deeds: Sequence[ActionEvents]
) -> set[str]:
    """Recommendations whose action was done, according to the activities, while they were valid."""
    numbers = history.deal_ids.get_indexer(pd.Index([row.deal_id for row in recommendations], dtype=object))
    events_of = {events.action: events for events in deeds}
    done_ids = set()
    for row, deal in zip(recommendations, numbers, strict=True):
        events = events_of.get(row.action)
        if events is None or deal < 0:
            continue
        low, high = np.searchsorted(events.deal, [deal, deal + 1])
        when = events.at[low:high]  # noqa: PD008 - an array of instants
        if ((when >= row.made_at) & (when < row.valid_until)).any():
            done_ids.add(row.recommendation_id)
    return done_ids


def _won(recommendations: Sequence[Recommended], history: History) -> dict[str, float]:
    """Outcome 1/0 of the deals that have closed since."""
    numbers = history.deal_ids.get_indexer(pd.Index([row.deal_id for row in recommendations], dtype=object))
    return {
        row.deal_id: float(history.outcome[deal])
        for row, deal in zip(recommendations, numbers, strict=True)
        if deal >= 0 and history.closed[deal] != NEVER and history.outcome[deal] >= 0
    }


def _holdout_comparison(
    recommendations: Sequence[Recommended], won: dict[str, float]
) -> dict[str, Any] | None:
    """Win rates of deals with recommendations and of the holdout group; None without a holdout group."""
    held_out = {row.deal_id for row in recommendations if row.arm == "hold_out"}
    if not held_out:
        return None
    since = min(
        row.made_at for row in recommendations if row.arm == "hold_out"
    )  # before, nobody was held out
    recommended = {row.deal_id for row in recommendations if row.made_at >= since} - held_out
    treated, control = (
        [won[deal] for deal in sorted(group) if deal in won] for group in (recommended, held_out)
    )
    enough = min(len(treated), len(control)) >= MIN_CLOSED_DEALS
    lift = mean_difference(np.array(treated), np.array(control)) if enough else None
    return {
        "recommended_closed": len(treated),
        "held_out_closed": len(control),
        "win_rate_recommended": float(np.mean(treated)) if treated else None,
        "win_rate_held_out": float(np.mean(control)) if control else None,
        "lift_pp": None if lift is None else 100 * lift.value,
        "interval": None if lift is None else [100 * lift.low, 100 * lift.high],
    }


def _best_action_value(
    recommendations: Sequence[Recommended], won: dict[str, float]
) -> dict[str, Any] | None:
    """Off-policy estimate of the win rate with the best-rated action always first, from explored choices."""
    first: dict[str, Recommended] = {}
    for row in recommendations:
        if row.arm == "explore" and row.deal_id in won:
            first.setdefault(row.deal_id, row)
    if len(first) < MIN_CLOSED_DEALS:
        return None
    rows = list(first.values())
    outcome = np.array([won[row.deal_id] for row in rows])
    width = max(len(json.loads(row.alternatives)) for row in rows)
    rule, expected = np.zeros((len(rows), width)), np.zeros((len(rows), width))
    for at, row in enumerate(rows):
        uplift = np.array([alternative["uplift"] for alternative in json.loads(row.alternatives)])
        rule[at, int(uplift.argmax())] = 1.0
        expected[at, : len(uplift)] = np.clip(row.chance + uplift, 0, 1)
    chosen = np.zeros(len(rows), np.int64)
    value = evaluate_policy(outcome, chosen, np.array([row.propensity for row in rows]), rule, expected)
    estimates = {name: asdict(estimate) for name, estimate in vars(value).items() if name != "effective_size"}
    return {
        "deals": len(rows),
        "win_rate_observed": float(outcome.mean()),
        **estimates,
        "effective_sample_size": value.effective_size,
    }
