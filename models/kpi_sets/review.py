"""Did the accepted KPIs do what they were to: reached, with what they were to bring, and still worth having?

What a KPI brought is what people won beyond what was expected when they accepted it, as a share of what the
part of the step that they made was to bring: weighted by how surely each one's result was foreseen, over all
who had that KPI. One person's result says next to nothing; then it says that it cannot be told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from crm.i18n import Text
from models.kpi_sets.reasons import joined
from models.kpis.smart import MAX_CHANCE, MIN_CHANCE, MIN_EFFECT_PP
from models.statistics import Z80

Verdict = Literal["drop", "keep", "change", "put_in_place"]
Came = Literal["came", "less", "none", "cannot_be_told"]
_STEP_BOUNDS = (-1.0, 2.0)  # how much of a step counts, at least and at most


@dataclass(frozen=True, kw_only=True)
class AcceptedKpi:
    """A KPI of an accepted set, as it was accepted and as it stands.

    `expected`, `revenue` (what the step was to bring the scope's own goal; None where that is not its own, or
    comes later), `strength` and `foreseen` (mean and standard deviation of the scope's revenue): when it was
    accepted. `now`: its value, `revenue_now` the scope's revenue, `strength_now` what a step brings now
    (None: nothing is estimated), `probability` of reaching the value by the period's end. `relation_told`:
    whether `strength_now` can be compared; late in a period a step brings less whatever its relation.
    """

    scope: str
    kpi: str
    label: Text
    value: float
    lower_is_better: bool = False
    expected: float | None = None
    revenue: float | None = None
    strength: float | None = None
    foreseen: tuple[float, float] | None = None
    now: float | None = None
    revenue_now: float | None = None
    strength_now: float | None = None
    probability: float | None = None
    value_now: float | None = None
    relation_told: bool = True

    @property
    def has_lost_relation(self) -> bool:
        """Whether a step moved the goal by a point when it was accepted, and does not any more."""
        had = self.strength is not None and self.strength >= MIN_EFFECT_PP
        return self.relation_told and had and (self.strength_now or 0.0) < MIN_EFFECT_PP

    @property
    def has_reached(self) -> bool:
        """Whether the value is reached now."""
        if self.now is None:
            return False
        return self.now <= self.value if self.lower_is_better else self.now >= self.value

    @property
    def part_of_step(self) -> float | None:
        """How much of the step from the expected value was made, 0 = none, 1 = all; None where unknown."""
        if self.now is None or self.expected is None or self.value == self.expected:
            return None
        low, high = _STEP_BOUNDS
        return float(np.clip((self.now - self.expected) / (self.value - self.expected), low, high))


@dataclass(frozen=True, kw_only=True)
class WhatCame:
    """What a KPI brought, as a share of what it was to bring, with an 80 % interval, over `people`."""

    came: Came
    share: float | None = None
    low: float | None = None
    high: float | None = None
    people: int = 0


@dataclass(frozen=True, kw_only=True)
class ReviewedKpi:
    """What is said of one accepted KPI; `reached` is None while the period still runs."""

    accepted: AcceptedKpi
    reached: bool | None
    came: WhatCame
    has_lost_relation: bool
    padded: Text | None
    verdict: Verdict
    sentence: Text = field(compare=False)


def what_came(kpis: Sequence[AcceptedKpi]) -> WhatCame:
    """What one KPI brought, over all who had it.

    Weighted least squares through the origin of what was won beyond what was foreseen on what the step made
    was to bring. Told where the interval excludes 0 or the whole.
    """
    promised, beyond, sd = [], [], []
    for one in kpis:
        part = one.part_of_step
        if part is None or one.revenue is None or one.foreseen is None or one.revenue_now is None:
            continue
        if one.foreseen[1] > 0:
            promised.append(one.revenue * part)
            beyond.append(one.revenue_now - one.foreseen[0])
            sd.append(one.foreseen[1])
    p, r, weight = np.array(promised), np.array(beyond), np.array(sd, float) ** -2.0
    information = float((weight * p**2).sum()) if len(p) else 0.0
    if information <= 0:
        return WhatCame(came="cannot_be_told", people=len(p))
    share, half = float((weight * p * r).sum()) / information, Z80 / np.sqrt(information)
    low, high = share - half, share + half
    came: Came = "cannot_be_told"
    if high < 0:
        came = "none"
    elif low > 0:
        came = "less" if high < 1 else "came"
    elif high < 1:
        came = "less"
    return WhatCame(came=came, share=share, low=float(low), high=float(high), people=len(p))


def reviewed(
    kpis: Sequence[AcceptedKpi], is_over: bool, padded: Mapping[tuple[str, str], Text]
) -> list[ReviewedKpi]:
    """A review of each accepted KPI; `padded` by (scope, kpi), what looks padded in whose hands."""
    by_kpi: dict[str, list[AcceptedKpi]] = {}
    for one in kpis:
        by_kpi.setdefault(one.kpi, []).append(one)
    came = {
        kpi: what_came(some) if is_over else WhatCame(came="cannot_be_told") for kpi, some in by_kpi.items()
    }
    return [_review(one, is_over, came[one.kpi], padded.get((one.scope, one.kpi))) for one in kpis]


def _review(one: AcceptedKpi, is_over: bool, came: WhatCame, padded: Text | None) -> ReviewedKpi:
    has_lost = one.has_lost_relation
    reached = one.has_reached if is_over or one.has_reached else None
    verdict: Verdict = "keep"
    if has_lost or padded is not None or came.came == "none":
        verdict = "drop"
    elif not is_over and one.probability is not None and not MIN_CHANCE <= one.probability <= MAX_CHANCE:
        verdict = "change"
    sentences = [_reached_text(one, reached), _outcome_text(came)]
    if has_lost:
        sentences.append(_LOST.format(then=one.strength or 0.0, now=one.strength_now or 0.0))
    if padded is not None:
        sentences.append(padded)
    sentences.append(_verdict_text(verdict, one))
    return ReviewedKpi(
        accepted=one,
        reached=reached,
        came=came,
        has_lost_relation=has_lost,
        padded=padded,
        verdict=verdict,
        sentence=joined(sentences),
    )


def _reached_text(one: AcceptedKpi, reached: bool | None) -> Text:
    now = Text("記録なし", "no record") if one.now is None else _number(one.now)
    figures = {"kpi": one.label, "now": now, "value": _number(one.value)}
    if reached is None:
        told = _RUNNING if one.probability is None else _RUNNING_CHANCE
        return told.format(**figures, p=f"{one.probability or 0.0:.0%}")
    return (_REACHED if reached else _MISSED).format(**figures)


def _outcome_text(came: WhatCame) -> Text:
    if came.share is None or came.came == "cannot_be_told":
        return _NOT_TOLD.format(n=came.people)
    return _CAME[came.came].format(share=came.share, low=came.low, high=came.high, n=came.people)


def _verdict_text(verdict: Verdict, one: AcceptedKpi) -> Text:
    if verdict == "change" and one.value_now is not None:
        return _CHANGE_TO.format(value=_number(one.value_now))
    return _VERDICTS[verdict]


def _number(value: float) -> Text:
    written = f"{value:,.2f}".rstrip("0").rstrip(".")
    return Text(written, written)


_REACHED = Text("{kpi}：目標{value}に対して{now}で達成しました。", "{kpi}: reached ({now} of {value}).")
_MISSED = Text("{kpi}：目標{value}に対して{now}で未達でした。", "{kpi}: missed ({now} of {value}).")
_RUNNING = Text("{kpi}：目標{value}に対して現在{now}です。", "{kpi}: {now} of {value} so far.")
_RUNNING_CHANCE = Text(
    "{kpi}：目標{value}に対して現在{now}、期末までに届く確率は{p}です。",
    "{kpi}: {now} of {value} so far; the chance of reaching it by the period's end is {p}.",
)
_NOT_TOLD = Text(
    "見込んだ売上が実際に増えたかどうかは、記録からは判断できません（{n}人分）。",
    "Whether it brought the revenue that was expected of it cannot be told from the records ({n} people).",
)
_CAME: Mapping[Came, Text] = {
    "came": Text(
        "見込んだ売上増の{share:.0%}が実現しました（80%の幅{low:.0%}〜{high:.0%}、{n}人）。",
        "{share:.0%} of the expected gain in revenue came (80% range {low:.0%} to {high:.0%}, {n} people).",
    ),
    "less": Text(
        "実現した売上増は見込みの{share:.0%}にとどまりました（80%の幅{low:.0%}〜{high:.0%}、{n}人）。",
        "Only {share:.0%} of the expected gain in revenue came (80% range {low:.0%} to {high:.0%}, "
        "{n} people).",
    ),
    "none": Text(
        "見込んだ売上増はありませんでした（見込みの{share:.0%}、80%の幅{low:.0%}〜{high:.0%}、{n}人）。",
        "The expected gain in revenue did not come ({share:.0%}, 80% range {low:.0%} to {high:.0%}, "
        "{n} people).",
    ),
}
_LOST = Text(
    "売上目標への効果は、設定時の{then:.1f}から{now:.1f}に下がっています。",
    "Its effect on the revenue target has fallen from {then:.1f} when it was set to {now:.1f}.",
)
_CHANGE_TO = Text("目標値を{value}に見直してください。", "Change its value to {value}.")
_VERDICTS: Mapping[Verdict, Text] = {
    "drop": Text("外すことを検討してください。", "Consider dropping it."),
    "keep": Text("続けてください。", "Keep it."),
    "change": Text("目標値を見直してください。", "Change its value."),
    "put_in_place": Text("新たに設定してください。", "Put it in place."),
}
