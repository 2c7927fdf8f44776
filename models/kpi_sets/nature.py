"""Which step of the process does a KPI belong to, and who writes what it counts: who could pad it?

A table with a reason each, by what is counted: it holds for a company's own KPIs, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from crm.i18n import Text
from features.kpis import Kpi

STEPS = ("lead", "appointment", "meeting", "proposal", "closing", "customer")


class Padding(StrEnum):
    """How easily a KPI rises without any work behind it; the hardest first."""

    HARD = "hard"
    SOME = "some"
    EASY = "easy"

    @property
    def order(self) -> int:
        """0 = hardest."""
        return list(Padding).index(self)


@dataclass(frozen=True)
class Nature:
    """The step of the process that a KPI belongs to, how easily it is padded, and why."""

    step: str
    padding: Padding
    why: Text


_SELLER = Text(
    "担当者が1人で記録でき、ほかに確認する人がいません。", "the rep alone records it, and nobody confirms it."
)
_STAGE = Text(
    "ステージは担当者が自分で動かせます。", "it follows the stage, which the rep moves without anybody else."
)
_TWO = Text(
    "顧客の返事や引き継いだ相手の記録が伴います。",
    "a customer's answer or the colleague who takes it over stands behind it.",
)
_HELD = Text("顧客と会った結果の評価ですが、評価は担当者が付けます。",
             "the customer was met, but the rep says whether it was effective.")  # fmt: skip
_OTHERS = Text(
    "受注・契約・問い合わせなど、担当者以外の記録と突き合わせられます。",
    "orders, contracts or enquiries, which others record too, can be held against it.",
)
_NATURE: Mapping[str, Nature] = MappingProxyType(
    {
        "leads.created": Nature("lead", Padding.SOME, _TWO),
        "leads.contacted": Nature("lead", Padding.EASY, _SELLER),
        "leads.appointment": Nature("appointment", Padding.SOME, _TWO),
        "leads.meeting": Nature("meeting", Padding.SOME, _TWO),
        "leads.qualified": Nature("meeting", Padding.SOME, _TWO),
        "leads.handed": Nature("meeting", Padding.SOME, _TWO),
        "leads.closed": Nature("closing", Padding.HARD, _OTHERS),
        "deals.created": Nature("appointment", Padding.EASY, _SELLER),
        "deals.appointment": Nature("appointment", Padding.EASY, _STAGE),
        "deals.first_visit": Nature("meeting", Padding.EASY, _STAGE),
        "deals.proposal": Nature("proposal", Padding.SOME, _STAGE),
        "deals.closing": Nature("closing", Padding.EASY, _STAGE),
        "deals.closed": Nature("closing", Padding.SOME, _STAGE),
        "deals.won": Nature("closing", Padding.HARD, _OTHERS),
        "contracts.started": Nature("customer", Padding.HARD, _OTHERS),
        "activities": Nature("meeting", Padding.EASY, _SELLER),
    }
)
# Of activities, by their kind.
_ACTIVITY: Mapping[str, Nature] = MappingProxyType(
    {
        "call": Nature("lead", Padding.EASY, _SELLER),
        "email": Nature("lead", Padding.EASY, _SELLER),
        "visit": Nature("meeting", Padding.EASY, _SELLER),
        "web_meeting": Nature("meeting", Padding.SOME, _TWO),
        "demo": Nature("proposal", Padding.SOME, _TWO),
        "quote": Nature("proposal", Padding.SOME, Text(
            "見積書という文書が残ります。", "a quote is a document that can be looked at."
        )),
        "material": Nature("proposal", Padding.SOME, Text(
            "顧客に送った資料が残りますが、送るだけなら手間がかかりません。",
            "what was sent can be looked at, though sending it takes no effort.",
        )),
        "follow_up": Nature("closing", Padding.EASY, _SELLER),
        "seminar": Nature("lead", Padding.SOME, _TWO),
    }
)  # fmt: skip


def nature_of(kpi: Kpi) -> Nature:
    """What the table says of a KPI.

    >>> from features.kpis import KPIS
    >>> of = {kpi.id: nature_of(kpi) for kpi in KPIS}
    >>> of["calls"].padding.value, of["appointments"].padding.value, of["revenue"].padding.value
    ('easy', 'some', 'hard')
    """
    if kpi.count.of == "activities":
        kinds = [kind for column, allowed in kpi.count.where if column == "kind" for kind in allowed]
        if any(column == "effective" for column, _ in kpi.count.where):
            return Nature("meeting", Padding.SOME, _HELD)
        if len(kinds) == 1 and kinds[0] in _ACTIVITY:
            return _ACTIVITY[kinds[0]]
    if kpi.count.reached is not None:
        return _NATURE.get(f"leads.{kpi.count.reached.removesuffix('_at')}", _NATURE[kpi.count.of])
    return _NATURE[kpi.count.of]
