"""Which three to five KPIs should a person have: each as one sentence, and the same ones as last time?

Those that move the goal most, from different steps of the process and by different levers or actions where
there are enough. What a person has stays, unless a new one is better by more than a margin: a set that
changes with every estimate is followed by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date

from crm.i18n import Text
from crm.kpi_units import MONEY, SHARE
from features.kpis import Shape
from models.kpi_sets.candidates import Candidate
from models.kpi_sets.reasons import effect_text, joined
from models.kpis.smart import MAX_KPIS, MIN_EFFECT_PP, MIN_KPIS
from models.probability_words import probability_words

# A KPI of last time goes only for one that brings so many times as much, and so many points (or percent of
# the target) more; chosen on development worlds for at most a tenth of the KPIs changing a month.
MARGIN_TIMES, MARGIN_POINTS = 2.0, 1.0
_WEEK = 5.0  # working days
_NAMED = 3  # customers that a sentence names


@dataclass(frozen=True)
class ProposedKpi:
    """A KPI of a proposed set: the candidate, whether it was in the set before, and how many a week.

    `per_week` from now on, `usual_per_week` at the current pace; None for shares and amounts.
    """

    candidate: Candidate
    kept: bool
    per_week: float | None
    usual_per_week: float | None
    sentence: Text


def chosen(candidates: Sequence[Candidate], before: Collection[str] = ()) -> list[tuple[Candidate, bool]]:
    """The KPIs of a set, and whether each was in the one `before` (ids); fewer than three if no more help.

    What is in the set stays also where no more can be done in what is left of the period: that is no reason
    to give somebody another KPI. It goes for one that is better by the margin, where it would harm, and where
    it is no longer sound.
    """
    fresh = _best([one for one in candidates if one.is_proposable])
    kept = [one for one in candidates if one.kpi.id in before and one.is_sound and one.size >= 0][:MAX_KPIS]
    if not kept:
        return [(one, False) for one in fresh]
    own = {one.kpi.id for one in kept}
    new = [one for one in fresh if one.kpi.id not in own]
    for one in list(new):
        weakest = min(kept, key=lambda old: old.size)
        if len(kept) >= MIN_KPIS and _is_better(one, weakest):
            kept.remove(weakest)
            kept.append(one)
            new.remove(one)
    while len(kept) < MIN_KPIS and new:
        kept.append(new.pop(0))
    ordered = sorted(kept, key=lambda one: one.order)
    return [(one, one.kpi.id in before) for one in ordered]


def _is_better(new: Candidate, old: Candidate) -> bool:
    """Whether a new KPI brings so much more that it is worth a change."""
    return new.size >= MARGIN_TIMES * old.size and new.size >= old.size + MARGIN_POINTS


def _best(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Up to five of ranked candidates: first of different steps and sources, then of different steps."""
    picked: list[Candidate] = []

    def take(most: int, is_other: Callable[[Candidate], bool]) -> None:
        for one in candidates:
            if len(picked) < most and one not in picked and is_other(one):
                picked.append(one)

    def new_step(one: Candidate) -> bool:
        return one.nature.step not in {other.nature.step for other in picked}

    def new_source(one: Candidate) -> bool:
        return one.source not in {other.source for other in picked}

    take(MIN_KPIS, lambda one: new_step(one) and new_source(one))
    take(MIN_KPIS, new_source)
    take(MIN_KPIS, new_step)
    take(MIN_KPIS, lambda _: True)
    take(MAX_KPIS, lambda one: one.size >= MIN_EFFECT_PP and new_step(one) and new_source(one))
    return sorted(picked, key=lambda one: one.order)


def proposed(
    candidate: Candidate, kept: bool, last_day: date, working_days: float, named: Callable[[int], Text]
) -> ProposedKpi:
    """A KPI of a set in a sentence; `named`: the customer of an open deal by its row."""
    per_week, usual = None, None
    if candidate.kpi.shape is Shape.COUNT and working_days > 0:
        done = candidate.so_far or 0.0
        per_week = _WEEK * max((candidate.value or 0.0) - done, 0.0) / working_days
        usual = _WEEK * max((candidate.expected or 0.0) - done, 0.0) / working_days
    return ProposedKpi(
        candidate, kept, per_week, usual, _sentence(candidate, last_day, per_week, usual, named)
    )


def _sentence(
    candidate: Candidate,
    last_day: date,
    per_week: float | None,
    usual: float | None,
    named: Callable[[int], Text],
) -> Text:
    until = Text(
        f"{last_day.year}年{last_day.month}月{last_day.day}日",
        f"{last_day.day} {last_day:%B} {last_day.year}",
    )
    kpi = candidate.kpi
    parts = [
        _AIM.format(
            day=until,
            whom=_whom(candidate, named),
            kpi=kpi.label,
            value=_value_text(candidate, candidate.value),
        )
    ]
    if per_week is not None and usual is not None:
        weekly = max(per_week, usual) >= 1
        times = 1.0 if weekly else 365.25 / 12 / 7
        pace = _PER_WEEK if weekly else _PER_MONTH
        parts.append(pace.format(now=f"{times * per_week:.1f}", usual=f"{times * usual:.1f}"))
    elif candidate.expected is not None:
        parts.append(_USUAL.format(value=_value_text(candidate, candidate.expected)))
    if candidate.probability is not None:
        parts.append(_CHANCE.format(p=probability_words(candidate.probability, 0)))
    if candidate.effect is not None:
        parts.append(effect_text(candidate.effect, MIN_EFFECT_PP))
    return joined(parts)


def _whom(candidate: Candidate, named: Callable[[int], Text]) -> Text:
    """For which customers."""
    count = len(candidate.deals)
    if candidate.kpi.count.of.startswith("leads."):
        return _NEW_LEADS if candidate.kpi.id == "leads" else _LEADS
    if not count:
        return _DEALS
    if count == 1:
        return (_RECOMMENDED_ONE if candidate.evidence == "action" else _AHEAD_ONE).format(
            name=named(int(candidate.deals[0]))
        )
    some = [named(int(row)) for row in candidate.deals[:_NAMED]]
    names = Text("、".join(one.ja for one in some), ", ".join(one.en for one in some))
    more = Text("など", " and others") if count > _NAMED else Text("", "")
    told = _RECOMMENDED if candidate.evidence == "action" else _AHEAD
    return told.format(n=count, names=names, more=more)


def _value_text(candidate: Candidate, value: float | None) -> Text:
    """A value with its unit, as a sentence says it."""
    unit, given = candidate.kpi.unit, value or 0.0
    if unit == SHARE:
        return Text(f"{given:.1%}", f"{given:.1%}")
    if unit == MONEY:
        return Text(f"{given:,.0f}", f"{given:,.0f}")
    number = f"{given:,.0f}" if given == round(given) else f"{given:,.1f}"
    return Text(f"{number}{unit.ja}", f"{number} {unit.en}")


_AIM = Text("{day}までに、{whom}{kpi}を{value}にします。", "By {day}, {kpi}: {value}, {whom}.")
_RECOMMENDED = Text(
    "効果が見込める進行中の商談{n}件（{names}{more}）を優先して、",
    "first with the {n} open deals where it is likely to help ({names}{more})",
)
_AHEAD = Text(
    "この段階がまだの進行中の商談{n}件（{names}{more}）を優先して、",
    "first with the {n} open deals that have this step ahead of them ({names}{more})",
)
_RECOMMENDED_ONE = Text(
    "効果が見込める進行中の商談「{name}」を優先して、",
    "first with the open deal where it is likely to help, {name}",
)
_AHEAD_ONE = Text(
    "この段階がまだの進行中の商談「{name}」を優先して、",
    "first with the open deal that has this step ahead of it, {name}",
)
_DEALS = Text("担当する商談で、", "with the deals in hand")
_LEADS = Text("担当するリードで、", "with the leads in hand")
_NEW_LEADS = Text("新しい見込み客から、", "from new prospects")
_PER_WEEK = Text(
    "残り期間は週{now}件（今のペースでは週{usual}件）です。",
    "That is {now} a week from now on ({usual} at the current pace).",
)
_PER_MONTH = Text(
    "残り期間は月{now}件（今のペースでは月{usual}件）です。",
    "That is {now} a month from now on ({usual} at the current pace).",
)
_USUAL = Text("今のペースでは{value}です。", "At the current pace it will be {value}.")
_CHANCE = Text("今のペースで届く確率は{p}です。", "The chance of reaching it at the current pace is {p}.")
