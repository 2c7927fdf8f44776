"""Is there enough data to train on, what is missing, and how much accuracy does that cost?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm.eventlog import EventLog, codes_in, micros
from crm.i18n import Text
from crm.instants import DAY, NEVER
from crm.schema import TABLES
from training.data_quality_costs import Cost, cost_of, cost_of_few

_AGAINST = Text("決着1,000件の場合と比べて、", "Compared with 1,000 closed deals: ")


@dataclass(frozen=True)
class DataFinding:
    """One thing that the data has or lacks, in words; every answer of the model carries a `serious` one."""

    code: str
    serious: bool
    text: Text


def examine(log: EventLog, as_of: int) -> list[DataFinding]:
    """What a log as of `as_of` offers for training, what it lacks and how much accuracy that costs."""
    deals, events, activities = log["deals"], log["deal_events"], log["activities"]
    created, closed = micros(deals["created_at"]), micros(deals["closed_at"])
    done = (closed != NEVER) & (closed < as_of)
    won = done & (deals["outcome"] == "won").to_numpy()
    count = len(deals)
    months = (as_of - int(created.min())) / DAY / 30.4 if count else 0.0
    ids = pd.Index(deals["deal_id"])
    staged = _share(codes_in(events["deal_id"][events["field"] == "stage"], ids), done)
    active = _share(codes_in(activities["deal_id"], ids), np.ones(count, bool))
    findings = [
        DataFinding(
            "size",
            False,
            Text(
                "商談{deals}件（決着{closed}件、うち受注{won}件）、{months:.0f}か月分の履歴があります。",
                "{deals} deals ({closed} closed, {won} of them won) over {months:.0f} months.",
            ).format(deals=count, closed=int(done.sum()), won=int(won.sum()), months=months),
        )
    ]
    if 30 <= done.sum() < 300:
        findings.append(
            DataFinding(
                "few_deals",
                True,
                Text(
                    "決着した商談が{n}件と少ないため、ステージ別の平均に近い予測になり、予測幅は広くなります。"
                    "{cost}件数が増えると精度が上がります。",
                    "With {n} closed deals, predictions stay close to averages by stage and ranges are wide. "
                    "{cost}More closed deals improve accuracy.",
                ).format(n=int(done.sum()), cost=_priced(cost_of_few(int(done.sum())), _AGAINST)),
            )
        )
    if done.any() and not 0 < won.sum() < done.sum():
        findings.append(
            DataFinding(
                "one_outcome",
                True,
                Text(
                    "決着した商談がすべて受注、またはすべて失注です。失注した商談も取り込んでください。",
                    "All closed deals are won, or all are lost; import both won and lost deals.",
                ),
            )
        )
    missing: list[tuple[str, bool, bool, str, str]] = [
        (
            "no_history",
            bool(count) and not len(events),
            True,
            "商談の変更履歴がないため、作成時にわかることと経過日数だけから学習します。{cost}"
            "取り込むたびに前回からの変更が記録されるので、同じ一覧を定期的に取り込むと履歴が増え、精度が上がります。",
            "There is no history of changes, so the model is trained on what is known at creation and on age "
            "alone. {cost}Every import records what changed since the last one: import the same list "
            "regularly, and accuracy will improve.",
        ),
        (
            "no_stage_history",
            bool(done.any()) and staged < 0.5 and len(events) > 0,
            True,
            "ステージの変更履歴がない商談が多く（履歴あり{share:.0%}）、進み方を学べません。予測は大まかになります。{cost}",
            "Most closed deals have no history of stages ({share:.0%} have), so the sales pace cannot be "
            "learned and predictions are coarse. {cost}",
        ),
        (
            "no_activities",
            active < 0.2,
            False,
            "活動記録のある商談は{share:.0%}です。訪問・電話などの記録を取り込むと精度が上がります。{cost}",
            "{share:.0%} of deals have activities; importing visits, calls and emails improves "
            "accuracy. {cost}",
        ),
    ]
    for column, ja, en in (
        (
            "amount",
            "金額がない商談は、商品ごとの平均的な金額で見積もります。",
            "deals without one are valued at the usual amount for their product.",
        ),
        (
            "expected_close_date",
            "受注予定日がない商談は、時期の予測が大まかになります。",
            "without one, the close date is predicted coarsely.",
        ),
        (
            "owner_id",
            "担当者がない商談は、チームや担当者の着地見込みに入りません。",
            "deals without one are in no team's or rep's forecast.",
        ),
    ):
        share = float(deals[column].notna().mean()) if count else 0.0
        low = share < 0.5
        missing.append(
            (
                f"no_{column}",
                low,
                False,
                f"「{TABLES['deals'][column].label.ja}」の入力率は{share:.0%}です。{ja}{{cost}}",
                f"{column} is filled in for {share:.0%} of deals; {en} {{cost}}",
            )
        )
    for code, absent, serious, ja, en in missing:
        if absent:
            share = staged if code == "no_stage_history" else active
            text = Text(ja, en).format(share=share, cost=_priced(cost_of(code)))
            findings.append(DataFinding(code, serious, Text(text.ja.strip(), text.en.strip())))
    return findings


def _priced(cost: Cost | None, before: Text | None = None) -> Text:
    """A measured cost as a sentence among others."""
    if cost is None:
        return Text("", "")
    text = cost.said()
    start = before or Text("これがない場合、", "Without it, ")
    return Text(f"{start.ja}{text.ja}", f"{start.en}{text.en} ")


def _share(rows: np.ndarray, among: np.ndarray) -> float:
    touched = np.zeros(len(among), bool)
    touched[rows[rows >= 0]] = True
    return float(touched[among].mean()) if among.any() else 0.0
