"""How are bottlenecks told: which open deals are in them, what they cost the goal, what to do?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Language, Text
from crm.instants import DAY
from features import Feature, History, deal_states
from features.stage_visits import stage_visits
from models.bottlenecks import SIZE, SIZE_NAMES, Bottleneck, funnel_steps
from models.forecast.attainment import probability_of
from service.period_forecast import PeriodForecast

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FUNNEL_DAYS = 365  # the funnel tells of deals that came to a stage within so long
_EVERYONE = Text("すべての商談", "all deals")
_LABELS = {
    "interval": Text(
        "{segment}で「{stage}」から「{following}」まで{days}日を超えた商談は、受注率が{points:.0f}ポイント低い",
        "{segment}: deals that take more than {days} days from {stage} to {following} are won {points:.0f} "
        "points less often",
    ),
    "interval between activities": Text(
        "{segment}で{what}が{days}日を超えた商談は、受注率が{points:.0f}ポイント低い",
        "{segment}: deals with more than {days} days {what} are won {points:.0f} points less often",
    ),
    "activity_gap": Text(
        "{segment}で「{stage}」に入って{days}日間こちらから連絡しなかった商談は、受注率が{points:.0f}ポイント低い",
        "{segment}: deals nobody contacts in their first {days} days in {stage} are won {points:.0f} points "
        "less often",
    ),
    "missing step": Text(
        "{segment}で{what}のないまま「{stage}」から「{following}」へ進んだ商談は、受注率が{points:.0f}ポイント低い",
        "{segment}: deals that go on from {stage} to {following} without {what} are won {points:.0f} points "
        "less often",
    ),
    "conversion": Text(
        "{segment}は「{stage}」から{next}へ進む割合が、他のステージでの進み方から見て{points:.0f}ポイント低い",
        "{segment}: from {stage} to {next} {points:.0f} points fewer deals go on than its other stages lead "
        "one to expect",
    ),
}
_ACTIONS = {
    "interval": Text(
        "「{stage}」に入ったら{days}日以内に「{following}」へ進める予定を先に押さえる",
        "On coming to {stage}, fix a date for {following} within {days} days",
    ),
    "interval between activities": Text(
        "{what}を{days}日以内に収める（次の予定をその場で決める）",
        "Keep it to {days} days {what}: fix the next date on the spot",
    ),
    "activity_gap": Text(
        "「{stage}」に入ったら{days}日以内に必ず一度は連絡する",
        "Contact the customer at least once within {days} days of coming to {stage}",
    ),
    "missing step": Text(
        "「{following}」へ進める前に{what}を済ませる",
        "Do not go on to {following} without {what}",
    ),
    "conversion": Text(
        "「{stage}」で止まっている商談を担当者と一つずつ見直し、進まない理由を確かめる",
        "Go through the deals held up in {stage} with their sellers and find out what holds them",
    ),
}
_WHAT = {
    "effective_meetings": Text("有効商談", "an effective meeting"),
    "demos": Text("製品デモ", "a product demonstration"),
    "quotes": Text("見積の提示", "a quote"),
    "manager_meetings": Text("上司の同席した面談", "a meeting with a superior"),
    "materials": Text("資料の送付", "material sent"),
    "follow_ups": Text("フォローの連絡", "a follow-up"),
    "created_to_meeting_days": Text("商談作成から初回面談までの日数", "from creation to the first meeting"),
    "meeting_to_proposal_days": Text("初回面談から提案までの日数", "from the first meeting to the proposal"),
    "proposal_to_quote_days": Text("提案から見積提示までの日数", "from the proposal to the quote"),
}
_WON = Text("受注", "won")


def bottleneck_rows(
    found: Sequence[Bottleneck],
    forecast: PeriodForecast,
    features: Sequence[Feature],
    levels: Mapping[str, Any],
    scope: str,
    lang: Language,
) -> list[dict[str, Any]]:
    """Each bottleneck with what it costs a scope, the dearest first."""
    people = forecast.organisation.members(scope)
    simulation, target = forecast.simulation, forecast.facts.target(scope)
    before = probability_of(simulation, people, target)
    mine = np.isin(simulation.pipeline.person, people)
    amounts = simulation.pipeline.amounts.mean(1) if len(mine) else np.zeros(0)
    rows = []
    for one in found:
        inside, coming = one.affected_and_at_risk(forecast.scored.x, features, levels)
        inside, coming = inside & mine, coming & mine
        spared = np.where(inside, one.counterfactual_chance(forecast.scored.ever), forecast.scored.ever)
        ratio = np.where(inside, spared / np.maximum(forecast.scored.ever, 1e-9), 1.0)
        after = (
            None
            if before is None
            else probability_of(simulation.with_win_probability_ratio(ratio), people, target)
        )
        rows.append(
            {
                **describe_bottleneck(one, features, lang),
                "open_deals": int(inside.sum()),
                "approaching_deals": int(coming.sum()),
                "revenue_at_stake": float((spared - forecast.scored.ever) @ amounts),
                "attainment_pp": None if before is None or after is None else 100 * (after - before),
            }
        )
    return sorted(rows, key=lambda row: (-(row["attainment_pp"] or 0.0), -row["revenue_at_stake"]))


def describe_bottleneck(one: Bottleneck, features: Sequence[Feature], lang: Language) -> dict[str, Any]:
    """What is always true of a bottleneck, in the reader's language."""
    condition = one.condition
    what = _WHAT.get(condition.feature)
    words = {
        "segment": _segment(one.segment, features, lang),
        "stage": condition.stage,
        "following": condition.next_stage,
        "next": _quoted(condition.next_stage) if condition.next_stage else _WON,
        "days": condition.days,
        "points": -100 * one.effect,
        "what": what or condition.feature,
    }
    kind = condition.kind
    if condition.feature:
        kind = "missing step" if kind == "activity_gap" else "interval between activities"
    return {
        "id": one.id,
        "kind": condition.kind,
        "segment": dict(one.segment),
        "condition": {**_condition(one), "from": condition.stage, "to": condition.next_stage or None},
        "label": _LABELS[kind].format(**words).to(lang),
        "deals": one.deals,
        "win_rate_with": one.rate_with,
        "win_rate_without": one.rate_without,
        "effect_pp": 100 * one.effect,
        "interval": [100 * one.low, 100 * one.high],
        "q_value": one.q,
        "suggested_action": _ACTIONS[kind].format(**words).to(lang),
    }


def _condition(one: Bottleneck) -> dict[str, Any]:
    condition = one.condition
    if condition.kind == "conversion":
        return {"feature": "conversion", "op": "<", "value": one.rate_without}
    if condition.kind == "activity_gap" and condition.feature:
        return {"feature": condition.feature, "op": "=", "value": 0}
    usual = "days_in_stage" if condition.kind == "interval" else "days_without_contact"
    return {"feature": condition.feature or usual, "op": ">", "value": condition.days}


def _quoted(stage: str) -> Text:
    return Text(f"「{stage}」", stage)


def _segment(segment: Mapping[str, str], features: Sequence[Feature], lang: Language) -> str:
    labels = {feature.name: feature.label for feature in features}
    parts = []
    for column, value in segment.items():
        if column == "size":
            parts.append((SIZE.to(lang), SIZE_NAMES[value].to(lang)))
        else:
            parts.append((labels[column].to(lang) if column in labels else column, value))
    if not parts:
        return _EVERYONE.to(lang)
    if lang == "ja":
        return "・".join(f"{label}「{value}」" for label, value in parts)
    return ", ".join(f"{label} {value}" for label, value in parts)


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
