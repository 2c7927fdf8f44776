"""Which open deals are in a bottleneck, what does it cost the goal, and what helps?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crm.i18n import Language, Text
from crm.instants import DAY
from features import Feature, History, deal_states
from features.arrays import Flags
from features.levels import Levels
from features.stage_visits import stage_visits
from models.bottlenecks import SIZE_NAMES, Bottleneck, funnel_steps
from models.forecast.goal_effect import Goal
from service.period_forecast import PeriodForecast

FUNNEL_DAYS = 365  # the funnel counts deals that entered a stage in the past so many days
_ALL_DEALS = Text("すべての商談", "all deals")
_LABELS = {
    "interval": Text(
        "「{stage}→{following}」が{days}日を超えると受注率が{points:.0f}ポイント低い（{segment}）",
        "Over {days} days from {stage} to {following}: win rate {points:.0f} points lower ({segment})",
    ),
    "interval between activities": Text(
        "{what}が{days}日を超えると受注率が{points:.0f}ポイント低い（{segment}）",
        "Over {days} days {what}: win rate {points:.0f} points lower ({segment})",
    ),
    "activity_gap": Text(
        "「{stage}」に入って{days}日間こちらから連絡しないと受注率が{points:.0f}ポイント低い（{segment}）",
        "No contact in the first {days} days of {stage}: win rate {points:.0f} points lower ({segment})",
    ),
    "missing step": Text(
        "{what}のないまま「{stage}」から「{following}」へ進むと受注率が{points:.0f}ポイント低い（{segment}）",
        "From {stage} to {following} without {what}: win rate {points:.0f} points lower ({segment})",
    ),
    "conversion": Text(
        "「{stage}」から{next}へ進む割合が、他のステージから見込まれる水準より{points:.0f}ポイント低い（{segment}）",
        "From {stage} to {next}: conversion is {points:.0f} points lower than the other stages suggest "
        "({segment})",
    ),
}
_ACTIONS = {
    "interval": Text(
        "「{stage}」に入った時点で、{days}日以内の「{following}」の日程を確保する",
        "On entering {stage}, fix a date for {following} within {days} days",
    ),
    "interval between activities": Text(
        "{what}を{days}日以内に収める（次回の日程をその場で決める）",
        "Take at most {days} days {what}: fix the next date on the spot",
    ),
    "activity_gap": Text(
        "「{stage}」に入ったら{days}日以内に一度は連絡する",
        "Contact the customer within {days} days of entering {stage}",
    ),
    "missing step": Text(
        "「{following}」へ進める前に{what}を済ませる",
        "Do not move on to {following} without {what}",
    ),
    "conversion": Text(
        "「{stage}」で滞留している商談を担当者と一件ずつ確認し、進まない理由を特定する",
        "Review the deals stalled in {stage} with their reps one by one, and find out why they stall",
    ),
}
_START = Text(
    "{action}。まず該当{n}件の次回日程を確認する",
    "{action}; start with the next dates of the {n} deals affected now",
)
_WHAT = {
    "effective_meetings": Text("有効商談", "an effective meeting"),
    "demos": Text("製品デモ", "a product demonstration"),
    "quotes": Text("見積の提示", "a quote"),
    "manager_meetings": Text("上司が同席した面談", "a meeting with a manager"),
    "materials": Text("資料の送付", "material sent"),
    "follow_ups": Text("フォロー連絡", "a follow-up"),
    "created_to_meeting_days": Text("商談作成から初回面談までの日数", "from creation to the first meeting"),
    "meeting_to_proposal_days": Text("初回面談から提案までの日数", "from the first meeting to the proposal"),
    "proposal_to_quote_days": Text("提案から見積提示までの日数", "from the proposal to the quote"),
}
_WON = Text("受注", "won")


def bottleneck_rows(
    bottlenecks: Sequence[Bottleneck],
    forecast: PeriodForecast,
    features: Sequence[Feature],
    levels: Levels,
    scope: str,
    lang: Language,
) -> list[dict[str, Any]]:
    """Each bottleneck with what it costs a scope, the costliest first."""
    people = forecast.organisation.members(scope)
    simulation, target = forecast.simulation, forecast.facts.target(scope)
    before = forecast.goal(scope)
    in_scope = np.isin(simulation.pipeline.person, people)
    amounts = simulation.pipeline.amounts.mean(1) if len(in_scope) else np.zeros(0)
    rows = []
    for bottleneck in bottlenecks:
        inside, approaching = bottleneck.affected_and_at_risk(forecast.scored.x, features, levels)
        inside, approaching = inside & in_scope, approaching & in_scope
        resolved = np.where(
            inside, bottleneck.counterfactual_chance(forecast.scored.ever), forecast.scored.ever
        )
        ratio = np.where(inside, resolved / np.maximum(forecast.scored.ever, 1e-9), 1.0)
        after = Goal.of(simulation.with_win_probability_ratio(ratio), people, target)
        row = describe_bottleneck(bottleneck, features, lang)
        affected = int(inside.sum())
        if affected:
            row["suggested_action"] = _START.format(action=row["suggested_action"], n=affected).to(lang)
        rows.append(
            {
                **row,
                "open_deals": affected,
                "approaching_deals": int(approaching.sum()),
                "revenue_at_stake": float((resolved - forecast.scored.ever) @ amounts),
                **before.effect_of(after),
            }
        )
    return before.ranked(rows)


def describe_bottleneck(
    bottleneck: Bottleneck, features: Sequence[Feature], lang: Language
) -> dict[str, Any]:
    """What holds of a bottleneck at any moment and for any scope."""
    condition = bottleneck.condition
    what = _WHAT.get(condition.feature)
    values = {
        "segment": _segment(bottleneck.segment, features),
        "stage": condition.stage,
        "following": condition.next_stage,
        "next": _quoted(condition.next_stage) if condition.next_stage else _WON,
        "days": condition.days,
        "points": -100 * bottleneck.effect,
        "what": what or condition.feature,
    }
    kind = condition.kind
    if condition.feature:
        kind = "missing step" if kind == "activity_gap" else "interval between activities"
    return {
        "id": bottleneck.id,
        "kind": condition.kind,
        "segment": dict(bottleneck.segment),
        "condition": {
            **_condition(bottleneck),
            "from": condition.stage,
            "to": condition.next_stage or None,
        },
        "label": _LABELS[kind].format(**values).to(lang),
        "deals": bottleneck.deals,
        "win_rate_with": bottleneck.rate_with,
        "win_rate_without": bottleneck.rate_without,
        "effect_pp": 100 * bottleneck.effect,
        "interval": [100 * bottleneck.low, 100 * bottleneck.high],
        "q_value": bottleneck.q,
        "suggested_action": _ACTIONS[kind].format(**values).to(lang),
    }


def _condition(bottleneck: Bottleneck) -> dict[str, Any]:
    condition = bottleneck.condition
    if condition.kind == "conversion":
        return {"feature": "conversion", "op": "<", "value": bottleneck.rate_without}
    if condition.kind == "activity_gap" and condition.feature:
        return {"feature": condition.feature, "op": "=", "value": 0}
    of_stage = "days_in_stage" if condition.kind == "interval" else "days_without_contact"
    return {"feature": condition.feature or of_stage, "op": ">", "value": condition.days}


def _quoted(stage: str) -> Text:
    return Text(f"「{stage}」", stage)


def _segment(segment: Mapping[str, str], features: Sequence[Feature]) -> Text:
    labels = {feature.name: feature.label for feature in features}
    parts = []
    for column, value in segment.items():
        if column == "size":
            parts.append(SIZE_NAMES[value])
        else:
            label = labels.get(column, Text(column, column))
            parts.append(Text("{label}「{value}」", "{label} {value}").format(label=label, value=value))
    if not parts:
        return _ALL_DEALS
    return Text("、".join(part.ja for part in parts), ", ".join(part.en for part in parts))


def funnel_rows(history: History, forecast: PeriodForecast, owners: Flags) -> list[dict[str, Any]]:
    """The funnel of a scope's deals (d,), of the past year."""
    every = np.arange(len(history.created))
    closed = deal_states(history, every, np.full(len(every), forecast.moment)).status >= 0
    steps = funnel_steps(
        stage_visits(history, forecast.moment), closed, owners, forecast.moment - FUNNEL_DAYS * DAY
    )
    return [
        {
            "stage": step.stage,
            "to": step.next_stage or None,
            "entered": step.deals,
            "advanced": step.advanced,
            "lost": step.lost,
            "open": step.open,
            "conversion": step.advanced / (step.advanced + step.lost) if step.advanced + step.lost else None,
            "days": None if step.days is None else dict(zip(("p25", "p50", "p75"), step.days, strict=True)),
        }
        for step in steps
        if step.deals
    ]
