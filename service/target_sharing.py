"""How is a target shared out to the scopes below, by equal chances or in a usual way?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import DAY, last_known_day
from models.forecast.attainment import probability_of
from models.forecast.new_business import NewBusiness, employment_days
from models.forecast.organisation import COMPANY, UNASSIGNED
from models.forecast.part import at_rates
from models.forecast.simulate import Simulation
from models.forecast.staffing import Away, Staffing
from models.forecast.what_if import unknown_people
from models.goals.levels import growth_on, value_of_chance
from models.goals.sums import name_in_use
from models.sharing import Infeasible, share_out
from models.sharing.ways import CHANCE, EVEN, HISTORY, PERSON, PIPELINE, WAYS, Sellers, tree_of
from service import messages
from service.goal_levels import REVENUE, difference_rows, grown_target, last_year_of
from service.serving_state import AnswerContext

if TYPE_CHECKING:
    from service.schemas.targets import Bound, ShareRequest

_WAYS: Mapping[str, Text] = {
    CHANCE: Text("達成確率が等しくなる配分", "equal chances"),
    EVEN: Text("均等配分", "evenly"),
    HISTORY: Text("前年実績比の配分", "by last year's revenue"),
    PIPELINE: Text("パイプライン比の配分", "by the weighted pipeline"),
}
_NOBODY = Text(
    "{scope}の下に目標を配分できる担当者がいません。商談の担当者（owner_id）と people を確認してください。",
    "there is nobody below {scope} to whom a target could be shared out; see the deals' owners and people.",
)
_NOT_BELOW = Text(
    "「{given}」は{scope}の下で目標を配分する対象ではありません。{scope}の下のチームか担当者を指定してください。",
    "bounds: {given!r} gets no target below {scope}; name a team or person below it.",
)
_TWO_BOUNDS = Text(
    "「{given}」の条件が矛盾しています。value だけ、または at_least ≦ at_most を指定してください。",
    "bounds: those of {given!r} contradict each other; give value alone, or at_least no larger than at_most.",
)
_INFEASIBLE = Text(
    "{scope}の{amount:,.0f}は、固定値と上限・下限の範囲（{least:,.0f}〜{most:,.0f}）では配分できません。"
    "固定値か合計を見直してください。",
    "{amount:,.0f} of {scope} cannot be shared out within the fixed parts and bounds, which allow "
    "{least:,.0f} to {most:,.0f}; change these or the total.",
)
_TWO_TOTALS = Text(
    "total、growth、confidence は、いずれか1つだけ指定してください。",
    "give one of total, growth and confidence.",
)
_WRITE_NOW = Text(
    "write と as_of は同時に指定できません。目標は現在の時点で登録されます。",
    "write goes without as_of: targets are set now.",
)
_LEFT = Text("在籍していないため。", "Not there any more.")
_NO_SALES = Text(
    "進行中の商談も過去1年の受注もなく、受注額の目標を持つ担当ではないため。",
    "No open deals and no wins in the past year: not a rep who carries a revenue target.",
)
_FORECAST = Text(
    "達成確率は着地見込みと同じシミュレーションによるものです。",
    "Chances are of the simulation of forecasts.",
)
_STAFFED = Text(
    "不在の日数と、着任1年未満の担当者の立ち上がりを、今後の新規商談に反映しています。着地見込みの画面は"
    "これらを反映しないため、該当する担当者の達成確率は多少異なります。",
    "Days away, and that those in their first year are not yet as fast, count in deals yet to come. "
    "Forecasts leave both out, so these people's chances differ a little there.",
)
_HAND_OVER = Text(
    "不在や離任の期間も、進行中の商談は現在の担当者の数字です。引き継ぐ場合は担当者を変更してください。",
    "While somebody is away the open deals stay that person's: change their owners to hand them over.",
)
_UNASSIGNED = Text(
    "担当者未設定の商談の見込み（平均{amount:,.0f}）は、誰の目標にも配分していません。",
    "What deals without an owner are expected to bring ({amount:,.0f} on average) is in nobody's target.",
)
_OVER = Text(
    "上乗せ率{over:.0%}：末端の目標の合計は、全体の目標の{over:.0%}です。",
    "Over-assignment: the targets at the last level add up to {over:.0%} of the whole.",
)


@dataclass(frozen=True)
class Sharing:
    """What a target is shared out by: the simulation with who is away and new, and who carries a target."""

    context: AnswerContext
    simulation: Simulation
    staffing: Staffing
    sellers: Sellers
    is_staffed: bool

    @classmethod
    def of(cls, context: AnswerContext, request: ShareRequest) -> Sharing:
        """As of the moment of a context."""
        forecast, state, moment = context.forecast, context.state, context.moment
        known, tree, period = state.known_at(moment), forecast.organisation, forecast.period
        people = {bound.scope.removeprefix("person:") for bound in request.bounds}
        also = [f"person:{name}" for name in tree.people if name in people]
        given = [
            Away(one.person_id, one.first, period.last if one.last is None else one.last)
            for one in request.away
        ]
        unknown = sorted({one.person_id for one in given} - set(tree.people))
        if unknown:
            raise unknown_people(unknown)
        today = last_known_day(moment, context.zone)
        bundle = state.bundle_at(moment)
        staffing = Staffing.of(known, tree, today, period, context.calendar, given)
        sellers = Sellers.of(known, forecast.simulation, forecast.facts, also)
        new_business = bundle.new_business or NewBusiness.fit(known, bundle.as_of, bundle.calendar)
        rates = new_business.rates(known, tree, moment, period, (), staffing)
        simulation = at_rates(forecast.simulation, rates)
        return cls(context, simulation, staffing, sellers, simulation is not forecast.simulation)

    def targets(self, way: str, request: ShareRequest, scope: str, total: float) -> dict[str, float]:
        """The target of each scope below, by a way."""
        bounds = {one.scope: _bounds(one) for one in request.bounds}
        part = tree_of(way, self.simulation, self.sellers, scope, request.level, bounds)
        names = self.context.forecast.names
        if not part.parts and scope.startswith("person:"):
            return {}  # nobody is below a person
        if not part.parts:
            raise SanchoError(_NOBODY.format(scope=names.label(scope)), "nobody_to_share")
        step = 0.01 if request.round_to is None else request.round_to
        try:
            found = share_out(part, total, over=request.over_assignment, round_to=step)
        except Infeasible as fault:
            text = _INFEASIBLE.format(
                scope=names.label(fault.scope), amount=fault.amount, least=fault.least, most=fault.most
            )
            raise SanchoError(text, "bounds_do_not_fit") from fault
        for one in bounds:
            if one not in found:
                raise SanchoError(_NOT_BELOW.format(given=one, scope=names.label(scope)), "bad_bounds")
        return found

    def chance(self, scope: str, target: float) -> float | None:
        """The probability that a scope reaches a target."""
        return probability_of(self.simulation, self.simulation.organisation.members(scope), target)


def share_answer(context: AnswerContext, request: ShareRequest, scope: str, lang: Language) -> dict[str, Any]:
    """A target shared out: each scope's, its chance, and what every way would give."""
    forecast, names = context.forecast, context.forecast.names
    if request.write and request.as_of is not None:
        raise SanchoError(_WRITE_NOW, "bad_request")
    sharing = Sharing.of(context, request)
    total = total_of(sharing, request, scope)
    by_way = {way: sharing.targets(way, request, scope, total) for way in WAYS}
    chances = {
        way: {one: sharing.chance(one, value) for one, value in found.items()}
        for way, found in by_way.items()
    }
    chosen = by_way[request.way]
    last = {one for one in chosen if request.level != PERSON or one.startswith("person:")}
    bounds = {one.scope: _bounds(one) for one in request.bounds}
    since, _ = employment_days(context.state.known_at(context.moment), forecast.organisation)
    rows = [
        {
            "scope": one,
            "name": names.scope(one, lang),
            "value": chosen[one],
            "probability": chances[request.way][one],
            "stored": forecast.facts.target(one),
            "expected": float(
                np.median(sharing.simulation.total(sharing.simulation.organisation.members(one)))
            ),
            "is_bound": one in bounds and chosen[one] in bounds[one],
            **_person_fields(sharing, one, since),
            "ways": [
                {"way": way, "value": by_way[way][one], "probability": chances[way][one]} for way in WAYS
            ],
        }
        for one in _in_order(sharing, scope)
        if one in chosen
    ]
    return {
        "period": forecast.period.name,
        "scope": scope,
        "name": names.scope(scope, lang),
        "total": total,
        "growth": growth_on(total, last_year_of(context, scope)),
        "probability": sharing.chance(scope, total),
        "way": request.way,
        "over_assignment": request.over_assignment,
        "targets": rows,
        "left_out": _left_out(sharing, scope, chosen, lang),
        "ways": [
            {
                "way": way,
                "label": _WAYS[way].to(lang),
                "is_chosen": way == request.way,
                **spread([chance for one, chance in chances[way].items() if one in last]),
            }
            for way in WAYS
        ],
        "assumptions": [text.to(lang) for text in _assumptions(sharing, request, scope)],
        "differences": difference_rows(context, scope, REVENUE, lang, {scope: total, **chosen}),
        "written": None,
    }


def spread(chances: list[float | None]) -> dict[str, float | None]:
    """The lowest, the middle and the highest of some chances, and how far these are apart.

    >>> spread([0.5, 0.25, 0.5])
    {'lowest': 0.25, 'median': 0.5, 'highest': 0.5, 'spread_pp': 25.0}
    """
    known = [one for one in chances if one is not None]
    if not known:
        return {"lowest": None, "median": None, "highest": None, "spread_pp": None}
    lowest, highest = min(known), max(known)
    spread_pp = round(100 * (highest - lowest), 6)
    return {"lowest": lowest, "median": median(known), "highest": highest, "spread_pp": spread_pp}


def total_of(sharing: Sharing, request: ShareRequest, scope: str) -> float:
    """The amount that is shared out: given, or as growth or a chance, else the stored target."""
    context = sharing.context
    forecast = context.forecast
    given = [one for one in (request.total, request.growth, request.confidence) if one is not None]
    if len(given) > 1:
        raise SanchoError(_TWO_TOTALS, "bad_request")
    step = 0.01 if request.round_to is None else request.round_to
    if request.total is not None:
        return request.total
    if request.growth is not None:
        return _rounded(grown_target(context, scope, request.growth), step)
    if request.confidence is not None:
        total = sharing.simulation.total(sharing.simulation.organisation.members(scope))
        return _rounded(value_of_chance(total, request.confidence), step)
    target = forecast.facts.target(scope)
    if target is None:
        raise SanchoError(messages.no_target(forecast.names.label(scope), forecast.period), "no_target")
    return target


def rows_to_write(
    context: AnswerContext, answer: Mapping[str, Any], kind: str | None, set_by: str | None, set_at: str
) -> list[dict[str, Any]]:
    """The rows of targets that store an answer: of the parts, and of the whole where it is another now."""
    forecast, state = context.forecast, context.state
    known, month = state.known_at(context.moment), context.organisation.fiscal_start_month
    values = {row["scope"]: row["value"] for row in answer["targets"]}
    if forecast.facts.target(answer["scope"]) != answer["total"]:
        values = {answer["scope"]: answer["total"], **values}
    also = {"kind": kind} if kind is not None else {}
    if set_by is not None:
        also["set_by"] = set_by
    return [
        {
            "metric": REVENUE,
            "scope": scope,
            "period": name_in_use(known, scope, forecast.period, month, REVENUE),
            "value": value,
            "set_at": set_at,
            **also,
        }
        for scope, value in values.items()
    ]


def _rounded(value: float, step: float) -> float:
    return round(round(value / step) * step, 2)


def _bounds(bound: Bound) -> tuple[float, float]:
    """The least and the most of a part."""
    if bound.value is not None:
        if bound.at_least is not None or bound.at_most is not None:
            raise SanchoError(_TWO_BOUNDS.format(given=bound.scope), "bad_bounds")
        return bound.value, bound.value
    lo = 0.0 if bound.at_least is None else bound.at_least
    hi = float("inf") if bound.at_most is None else bound.at_most
    if lo > hi:
        raise SanchoError(_TWO_BOUNDS.format(given=bound.scope), "bad_bounds")
    return lo, hi


def _in_order(sharing: Sharing, scope: str) -> list[str]:
    """The scopes below one, a team before its people."""
    tree = sharing.simulation.organisation
    found: list[str] = []
    for child in tree.children(scope):
        found += [child, *_in_order(sharing, child)]
    return found


def _person_fields(sharing: Sharing, scope: str, since: Any) -> dict[str, Any]:
    if not scope.startswith("person:"):
        return {"away": None, "is_new": None}
    (number,) = sharing.simulation.organisation.members(scope).tolist()
    days = sharing.context.moment // DAY - int(since[number])
    return {"away": round(float(sharing.staffing.away[number]), 6), "is_new": bool(days < 365)}


def _left_out(
    sharing: Sharing, scope: str, chosen: Mapping[str, float], lang: Language
) -> list[dict[str, Any]]:
    """People below a scope who get no target, with what is expected of their deals."""
    tree, names = sharing.simulation.organisation, sharing.context.forecast.names
    known = sharing.context.state.known_at(sharing.context.moment)
    _, until = employment_days(known, tree)
    today = sharing.context.moment // DAY
    rows = []
    for number in tree.members(scope).tolist():
        if number == tree.nobody or sharing.sellers.carries[number]:
            continue
        one = f"person:{tree.people[number]}"
        expected = float(sharing.simulation.total(np.array([number])).mean())
        reason = _LEFT if until[number] <= today else _NO_SALES
        if one not in chosen and (expected > 0 or until[number] > today):
            rows.append(
                {
                    "scope": one,
                    "name": names.scope(one, lang),
                    "expected": expected,
                    "reason": reason.to(lang),
                }
            )
    return rows


def _assumptions(sharing: Sharing, request: ShareRequest, scope: str) -> list[Text]:
    found = [_STAFFED if sharing.is_staffed else _FORECAST]
    if sharing.staffing.away.any():
        found.append(_HAND_OVER)
    if scope == COMPANY:
        members = sharing.simulation.organisation.members(UNASSIGNED)
        expected = float(sharing.simulation.total(members).mean())
        if expected >= 1:
            found.append(_UNASSIGNED.format(amount=expected))
    if request.over_assignment != 1.0:
        found.append(_OVER.format(over=request.over_assignment))
    return found
