"""What do assumptions change, and what do they imply? The parts of a what-if answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crm.i18n import Language, Text
from models.forecast.goal_effect import Goal
from models.forecast.what_if import (
    Assumptions,
    as_written,
    not_open_deals,
    unknown_people,
    unknown_team,
)
from service.sight import Sight

if TYPE_CHECKING:
    from service.schemas import NewLevel, WhatIfRequest

NEW_HIRE = Text("新しい担当者{number}", "new rep {number}")
UNKNOWN_LEVEL = Text(
    "水準を変えられるKPIに「{given}」はありません。{known} から選んでください。",
    "levels: {given!r} cannot be changed; choose from {known}.",
)
_WON = Text(
    "受注と仮定した商談は、見込み金額（平均）で計上しています。",
    "Deals assumed won count at their expected amount.",
)
_PUSHED = Text(
    "後ろ倒しにした商談は、受注の時期がその日数だけ遅れる前提です。最終的な受注確率は変わりません。",
    "Deals pushed back are won that many days later, at the same win probability.",
)
_LEAVING = Text(
    "離任者の商談はチームが引き継ぎ、受注確率は変わらない前提です。離任者の新規商談は発生しない前提です。",
    "The team takes over the leaver's deals at the same win probability; the leaver brings no new ones.",
)
_JOINING = Text(
    "着任者は、着任日からチームの平均と同じペースで新規商談を創出する前提です。",
    "A rep who joins creates new deals at the team's average pace from the first day on.",
)
_LEVELS = Text(
    "KPIの水準は本日から変わる前提です。提示済みの金額は変わりません。",
    "KPI levels change from today on; quoted prices stay.",
)


def name_of_new(number: int, lang: Language) -> str:
    """What a rep who joins is called."""
    return NEW_HIRE.format(number=number).to(lang)


def scopes_of_new(request: WhatIfRequest, lang: Language) -> list[str]:
    """The scopes that exist only under the assumptions."""
    return [f"person:{name_of_new(number, lang)}" for number in range(1, len(request.joining) + 1)]


def refuse_unseen(request: WhatIfRequest, sight: Sight) -> None:
    """Raises for what the assumptions name and their reader may not see, as for what does not exist."""
    if not sight.is_limited:
        return
    changed = {deal.deal_id for deal in request.pushed} | {deal.deal_id for deal in request.repriced}
    deals = sorted(deal for deal in {*request.won, *request.lost, *changed} if not sight.sees_deal(deal))
    people = sorted(person for person in set(request.leaving) if not sight.sees_person(person))
    for scope in (
        *(one.scope for one in request.targets),
        *(scope_of_level(one, sight) for one in request.levels),
    ):
        sight.scope(scope)
    if deals:
        raise not_open_deals(map(as_written, deals))
    if people:
        raise unknown_people(people)
    for new_hire in request.joining:
        if new_hire.team_id is not None and not sight.sees_scope(f"team:{new_hire.team_id}"):
            raise unknown_team(new_hire.team_id)


def scope_of_level(level: NewLevel, sight: Sight) -> str:
    """Whose level is changed: by default that of the widest scope that is seen."""
    return level.scope if "scope" in level.model_fields_set else sight.widest


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Points of the probability (None without a target), mean revenue, its share of what was missing."""
    was, now = (
        Goal(side["target"], side["probability"], side["revenue"]["mean"]) for side in (before, after)
    )
    effect = was.effect_of(now)
    return {"effect_pp": effect["attainment_pp"], "revenue_change": effect["revenue"], **effect}


def empty_summary(after: Mapping[str, Any]) -> dict[str, Any]:
    """The summary before, of a scope that exists only under the assumptions."""
    nothing = dict.fromkeys(("target", "probability", "probability_intervals"))
    return {**nothing, "revenue": dict.fromkeys(after["revenue"], 0.0)}


def implied(supposed: Assumptions, has_new_hires: bool, has_levels: bool, lang: Language) -> list[str]:
    """What the forecast takes for granted under the assumptions."""
    texts = (
        (_WON, bool(supposed.won)),
        (_PUSHED, bool(supposed.pushed)),
        (_LEAVING, bool(supposed.leaving)),
        (_JOINING, has_new_hires),
        (_LEVELS, has_levels),
    )
    return [text.to(lang) for text, applies in texts if applies]
