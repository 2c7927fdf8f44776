"""How are bottlenecks told: which open deals are in them, what they cost the goal, what to do?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sancho.crm.moment import DAY
from sancho.crm.text import Language, Text
from sancho.features import Feature, History, current
from sancho.features.passages import passages
from sancho.models.attainment import probability_of
from sancho.models.bottlenecks import SIZE, SIZE_NAMES, Bottleneck, funnel
from sancho.service.room import Room

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FLOW_DAYS = 365  # the funnel tells of deals that came to a stage within so long
_EVERYONE = Text("すべての商談", "all deals")
_LABELS = {
    "interval": Text(
        "{segment}で「{stage}」から「{following}」まで{days}日を超えた商談は、受注率が{points:.0f}ポイント低い",
        "{segment}: deals that take more than {days} days from {stage} to {following} are won {points:.0f} "
        "points less often",
    ),
    "activity_gap": Text(
        "{segment}で「{stage}」に入って{days}日間こちらから連絡しなかった商談は、受注率が{points:.0f}ポイント低い",
        "{segment}: deals nobody contacts in their first {days} days in {stage} are won {points:.0f} points "
        "less often",
    ),
}
_ACTIONS = {
    "interval": Text(
        "「{stage}」に入ったら{days}日以内に「{following}」へ進める予定を先に押さえる",
        "On coming to {stage}, fix a date for {following} within {days} days",
    ),
    "activity_gap": Text(
        "「{stage}」に入ったら{days}日以内に必ず一度は連絡する",
        "Contact the customer at least once within {days} days of coming to {stage}",
    ),
}


def bottleneck_rows(
    found: Sequence[Bottleneck],
    room: Room,
    features: Sequence[Feature],
    levels: Mapping[str, Any],
    scope: str,
    lang: Language,
) -> list[dict[str, Any]]:
    """Each bottleneck with what it costs a scope, the dearest first."""
    people = room.organisation.members(scope)
    simulation, target = room.simulation, room.facts.target(scope)
    before = probability_of(simulation, people, target)
    mine = np.isin(simulation.pipeline.person, people)
    amounts = simulation.pipeline.amounts.mean(1) if len(mine) else np.zeros(0)
    rows = []
    for one in found:
        inside, coming = one.touches(room.scored.x, features, levels)
        inside, coming = inside & mine, coming & mine
        spared = np.where(inside, one.spared(room.scored.ever), room.scored.ever)
        ratio = np.where(inside, spared / np.maximum(room.scored.ever, 1e-9), 1.0)
        after = None if before is None else probability_of(simulation.likelier(ratio), people, target)
        rows.append(
            {
                **told(one, features, lang),
                "open_deals": int(inside.sum()),
                "approaching_deals": int(coming.sum()),
                "revenue_at_stake": float((spared - room.scored.ever) @ amounts),
                "attainment_pp": None if before is None or after is None else 100 * (after - before),
            }
        )
    return sorted(rows, key=lambda row: (-(row["attainment_pp"] or 0.0), -row["revenue_at_stake"]))


def told(one: Bottleneck, features: Sequence[Feature], lang: Language) -> dict[str, Any]:
    """What is always true of a bottleneck, in the reader's language."""
    condition = one.condition
    words = {
        "segment": _segment(one.segment, features, lang),
        "stage": condition.stage,
        "following": condition.following,
        "days": condition.days,
        "points": -100 * one.effect,
    }
    feature = "days_in_stage" if condition.kind == "interval" else "days_without_contact"
    return {
        "id": one.id,
        "kind": condition.kind,
        "segment": dict(one.segment),
        "condition": {
            "feature": feature,
            "op": ">",
            "value": condition.days,
            "from": condition.stage,
            "to": condition.following,
        },
        "label": _LABELS[condition.kind].format(**words).say(lang),
        "deals": one.deals,
        "win_rate_with": one.rate_with,
        "win_rate_without": one.rate_without,
        "effect_pp": 100 * one.effect,
        "interval": [100 * one.low, 100 * one.high],
        "q_value": one.q,
        "suggested_action": _ACTIONS[condition.kind].format(**words).say(lang),
    }


def _segment(segment: Mapping[str, str], features: Sequence[Feature], lang: Language) -> str:
    labels = {feature.name: feature.label for feature in features}
    parts = []
    for column, value in segment.items():
        if column == "size":
            parts.append((SIZE.say(lang), SIZE_NAMES[value].say(lang)))
        else:
            parts.append((labels[column].say(lang) if column in labels else column, value))
    if not parts:
        return _EVERYONE.say(lang)
    if lang == "ja":
        return "・".join(f"{label}「{value}」" for label, value in parts)
    return ", ".join(f"{label} {value}" for label, value in parts)


def flow_rows(history: History, room: Room, owners: Flags) -> list[dict[str, Any]]:
    """The funnel of a scope's deals (d,), of the past year."""
    every = np.arange(len(history.created))
    closed = current(history, every, np.full(len(every), room.moment)).status >= 0
    steps = funnel(passages(history, room.moment), closed, owners, room.moment - FLOW_DAYS * DAY)
    return [
        {
            "stage": step.stage,
            "to": step.following or None,
            "deals": step.deals,
            "went_on": step.went_on,
            "ended": step.ended,
            "still": step.still,
            "conversion": step.went_on / (step.went_on + step.ended) if step.went_on + step.ended else None,
            "days": None if step.days is None else dict(zip(("p25", "p50", "p75"), step.days, strict=True)),
        }
        for step in steps
        if step.deals
    ]
