"""Why does a candidate stand where it does? What a step brings, how soon, and what to beware of."""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text
from models.forecast.undecided import RankedBy
from models.kpi_sets.candidates import Candidate
from models.kpi_sets.nature import Padding
from models.kpi_sets.steps import StepEffect
from models.kpis.smart import MIN_COMPLETE, MIN_EFFECT_PP


def reason_of(candidate: Candidate) -> Text:
    """The sentences of a candidate."""
    parts = [_effect_sentence(candidate)]
    if not candidate.in_hand:
        parts.append(_NOT_IN_HAND)
    if candidate.completeness is not None and candidate.completeness < MIN_COMPLETE:
        parts.append(_INCOMPLETE.format(share=candidate.completeness))
    if candidate.days_to_revenue is not None and candidate.days_to_revenue >= 1:
        parts.append(_SOON.format(days=candidate.days_to_revenue))
    if candidate.nature.padding is Padding.EASY:
        parts.append(_PADDED.format(why=candidate.nature.why))
    return joined(parts)


def joined(parts: list[Text]) -> Text:
    """Sentences in a row."""
    return Text("".join(part.ja for part in parts), " ".join(part.en for part in parts))


def effect_text(effect: StepEffect, least: float) -> Text:
    """What a step brings, as a sentence."""
    size, by = effect.size_and_measure(least)
    return template_of(effect, by).format(size=_signed(size))


def template_of(effect: StepEffect, by: RankedBy) -> Text:
    """The sentence of an effect, with {size} to be filled in."""
    if effect.later:
        return _LATER_TOGETHER if effect.together else _LATER
    return (_TOGETHER if effect.together else _ALONE)[by]


def _signed(size: float) -> str:
    """A size with its sign; one that is next to nothing has none.

    >>> _signed(1.26), _signed(-0.004)
    ('+1.3', '0.0')
    """
    return f"{size:+.1f}" if abs(size) >= 0.05 else "0.0"


def _effect_sentence(candidate: Candidate) -> Text:
    if candidate.effect is not None:
        return effect_text(candidate.effect, MIN_EFFECT_PP)
    if not candidate.has_goal:
        return _NO_GOAL
    if candidate.correlation is not None:
        return _ONLY_CORRELATION.format(r=candidate.correlation)
    return _UNKNOWN


_ALONE: Mapping[RankedBy, Text] = {
    "attainment": Text(
        "達成すると、売上目標の達成確率が{size}ポイント変わる見込みです。",
        "Reaching it is estimated to change the probability of the revenue target by {size} points.",
    ),
    "revenue": Text(
        "達成すると、着地見込みが売上目標の{size}%分変わる見込みです。",
        "Reaching it is estimated to change the forecast by {size}% of the revenue target.",
    ),
}
_TOGETHER: Mapping[RankedBy, Text] = {
    "attainment": Text(
        "チームで同じ役割の全員が達成すると、売上目標の達成確率が{size}ポイント変わる見込みです。",
        "If all of the team in the same role reach it, the probability of the revenue target is estimated to "
        "change by {size} points.",
    ),
    "revenue": Text(
        "チームで同じ役割の全員が達成すると、着地見込みが売上目標の{size}%分変わる見込みです。",
        "If all of the team in the same role reach it, the forecast is estimated to change by {size}% of the "
        "revenue target.",
    ),
}
_LATER = Text(
    "達成すると、最終的に売上目標の{size}%分の受注につながる見込みです（多くは期間の後）。",
    "Reaching it is estimated to bring orders of {size}% of the revenue target in the end, most of them "
    "after the period.",
)
_LATER_TOGETHER = Text(
    "チームで同じ役割の全員が達成すると、最終的に売上目標の{size}%分の受注につながる見込みです（多くは期間の後）。",
    "If all of the team in the same role reach it, it is estimated to bring orders of {size}% of the revenue "
    "target in the end, most of them after the period.",
)
_ONLY_CORRELATION = Text(
    "売上との相関（{r:+.2f}）があるだけで、増やせば売上が増えるとは言えません。",
    "It only goes along with revenue (correlation {r:+.2f}): that more of it brings more is not shown.",
)
_UNKNOWN = Text("売上への効果は推計できません。", "Its effect on revenue cannot be estimated.")
_NO_GOAL = Text(
    "売上目標がないため、効果を計算できません。", "Without a revenue target its effect cannot be computed."
)
_NOT_IN_HAND = Text(
    "本人の行動だけでは動かせないか、本人の記録がありません。",
    "It is not in their own hands, or they have no record of it.",
)
_INCOMPLETE = Text(
    "元になる記録がそろっているのは{share:.0%}です。",
    "Only {share:.0%} of the records behind it are complete.",
)
_SOON = Text("受注までは中央値で{days:.0f}日です。", "Half of the wins follow within {days:.0f} days.")
_PADDED = Text("水増しに注意が必要です。{why}", "It is easily padded: {why}")
