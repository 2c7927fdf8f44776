"""Which reason, in a seller's words, does each feature belong to? Each feature belongs to exactly one.

Trees split credit between correlated features arbitrarily; the sum over a reason does not depend on
that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Text
from features.catalogue import Feature, Group


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason: its name, whether the seller can change it by their next actions, and its features.

    `features` by name, or by prefix of custom counts ("material:"); in addition, every feature of `groups`
    that no other reason names.
    """

    code: str
    label: Text
    controllable: bool
    features: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()


REASONS: tuple[Reason, ...] = (
    Reason("stage_stay", Text("現ステージの経過日数", "Time in the current stage"), True,
           ("days_in_stage", "stage_days_vs_usual")),
    Reason("progress", Text("これまでの進み方", "Progress so far"), False, ("age_days",), ("stage",)),
    Reason("plan", Text("受注予定日（入力値）", "The expected close date"), True,
           ("days_to_close_date", "days_past_due", "close_date_to_quarter_end", "close_date_to_fiscal_end",
            "planned_cycle_vs_usual")),
    Reason("pushes", Text("受注予定日の変更", "Changes of the close date"), False, (), ("close_date",)),
    Reason("discount", Text("金額の変更", "Changes of the amount"), True,
           ("amount_vs_first", "amount_last_change", "amount_changes", "amount_cuts",
            "days_since_amount_change")),
    Reason("size", Text("商談の規模", "Size of the deal"), False, (), ("amount",)),
    Reason("silence", Text("連絡の間隔と空白", "Gaps in contact"), True,
           ("days_since_activity", "days_since_call", "gap_days", "silence_vs_seller")),
    Reason("contact", Text("接触の量", "Amount of contact"), True, (), ("activity",)),
    Reason("meetings", Text("訪問・面談", "Visits and meetings"), True,
           ("visits", "web_meetings", "meetings_30d", "days_since_meeting", "effective_meetings",
            "days_since_effective", "people_involved", "manager_meetings", "minutes")),
    Reason("offer", Text("デモ・提案・見積・資料", "Demo, proposal, quote and material"), True,
           ("demos", "proposals", "quotes", "materials", "seminars", "days_since_proposal",
            "days_since_quote", "days_since_material", "material:")),
    Reason("speed", Text("面談・提案・見積までの速さ", "Speed to meeting, proposal and quote"), True,
           ("created_to_meeting_days", "meeting_to_proposal_days", "proposal_to_quote_days")),
    Reason("response", Text("お客様の反応", "The customer's response"), False,
           ("inbound", "inbound_30d", "inbound_share", "days_since_inbound", "last_outcome", "outcome:")),
    Reason("seller", Text("担当者の実績と余力", "The rep's record and workload"), False, (), ("seller",)),
    Reason("account", Text("取引先", "The account"), False, (), ("account",)),
    Reason("lead", Text("リードと初動", "The lead and first steps"), False, (), ("lead",)),
    Reason("kind", Text("商談の種類・商品", "Kind of deal and product"), False, (), ("deal", "calendar")),
    Reason("custom", Text("独自項目", "Your own columns"), False, (), ("custom",)),
)  # fmt: skip


def reasons_of(features: Sequence[Feature]) -> NDArray[np.int64]:
    """The number in REASONS of each feature, (k,)."""
    named = {name: number for number, reason in enumerate(REASONS) for name in reason.features}
    grouped = {group: number for number, reason in enumerate(REASONS) for group in reason.groups}
    return np.array(
        [named.get(_prefix(feature.name), grouped[feature.group]) for feature in features], np.int64
    )


def _prefix(name: str) -> str:
    head, colon, _ = name.partition(":")
    return head + colon
