"""Is there enough data to train on, what is missing, and how much accuracy does that cost?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.i18n import Text
from crm.instants import DAY, NEVER
from crm.missing_rates import missing_rates
from crm.schema import TABLES
from models.win.fitting import both_outcomes
from training.data_quality_costs import Cost, cost_of, cost_of_few

_COMPARED = Text("決着1,000件の場合と比べて、", "Compared with 1,000 closed deals: ")


@dataclass(frozen=True)
class DataFinding:
    """One property of the data, in words; a `serious` one is a warning attached to every prediction."""

    code: str
    serious: bool
    text: Text


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """What a log as of a moment holds: counts, shares 0 to 1 (`filled` by column of deals)."""

    deals: int
    closed: int
    won: int
    months: float
    events: int
    with_stages: float  # of closed deals, those with a history of stages
    with_activities: float
    filled: Mapping[str, float]

    @classmethod
    def of(cls, log: EventLog, as_of: int) -> _Measured:
        deals, events, activities = log["deals"], log["deal_events"], log["activities"]
        created, closed_at = micros(deals["created_at"]), micros(deals["closed_at"])
        closed = (closed_at != NEVER) & (closed_at < as_of)
        ids, count = pd.Index(deals["deal_id"]), len(deals)
        columns = ("amount", "expected_close_date", "owner_id")
        return cls(
            deals=count,
            closed=int(closed.sum()),
            won=int((closed & (deals["outcome"] == "won").to_numpy()).sum()),
            months=(as_of - int(created.min())) / DAY / 30.4 if count else 0.0,
            events=len(events),
            with_stages=_share(codes_in(events["deal_id"][events["field"] == "stage"], ids), closed),
            with_activities=_share(codes_in(activities["deal_id"], ids), np.ones(count, bool)),
            filled={name: float(deals[name].notna().mean()) if count else 0.0 for name in columns},
        )


@dataclass(frozen=True)
class _Check:
    """One row of the table: when something is found, whether it is serious, and its text.

    The text is filled in with what was measured and with `cost`, the measured cost of lacking this.
    """

    code: str
    serious: bool
    applies: Callable[[_Measured], bool]
    text: Text
    cost: Callable[[_Measured], Text] = lambda _: Text("", "")


def _lacking(code: str) -> Callable[[_Measured], Text]:
    return lambda _: _cost_sentence(cost_of(code))


def _unfilled(column: str, consequence: Text) -> _Check:
    """A column of deals that is filled in for fewer than half of them."""
    label = TABLES["deals"][column].label.ja
    text = Text(
        f"「{label}」の入力率は{{filled[{column}]:.0%}}です。{consequence.ja}{{cost}}",
        f"{column} is filled in for {{filled[{column}]:.0%}} of deals; {consequence.en} {{cost}}",
    )
    code = f"no_{column}"
    return _Check(code, False, lambda data: data.filled[column] < 0.5, text, _lacking(code))


_CHECKS = (
    _Check(
        "size",
        False,
        lambda _: True,
        Text(
            "商談{deals}件（決着{closed}件、うち受注{won}件）、{months:.0f}か月分の履歴があります。",
            "{deals} deals ({closed} closed, {won} of them won) over {months:.0f} months.",
        ),
    ),
    _Check(
        "few_deals",
        True,
        lambda data: 30 <= data.closed < 300 and both_outcomes(data.closed, data.won),
        Text(
            "決着した商談が{closed}件と少ないため、ステージ別の平均に近い予測になり、予測幅は広くなります。"
            "{cost}件数が増えると精度が上がります。",
            "With {closed} closed deals, predictions stay close to averages by stage and ranges are wide. "
            "{cost}More closed deals improve accuracy.",
        ),
        lambda data: _cost_sentence(cost_of_few(data.closed), _COMPARED),
    ),
    _Check(
        "one_outcome",
        True,
        lambda data: data.closed > 0 and not both_outcomes(data.closed, data.won),
        Text(
            "決着した商談{closed}件のうち受注が{won}件で、受注・失注のほぼ一方だけのため、受注確率を学習できません。"
            "表示している確率は、ステージの順番だけで決めた標準的な受注率（15〜50%）です。"
            "受注した商談と失注した商談の両方を取り込み、再学習してください。",
            "Of {closed} closed deals {won} are won: with (almost) one outcome only, win probabilities "
            "cannot be learned. Those shown are a stated prior by the position of the stage (15 to 50 %). "
            "Import won and lost deals, and retrain.",
        ),
    ),
    _Check(
        "no_history",
        True,
        lambda data: data.deals > 0 and not data.events,
        Text(
            "商談の変更履歴がないため、作成時にわかることと経過日数だけから学習します。{cost}"
            "取り込むたびに前回からの変更が記録されるので、同じ一覧を定期的に取り込むと履歴が増え、"
            "精度が上がります。",
            "There is no history of changes, so the model is trained on what is known at creation and on age "
            "alone. {cost}Every import records what changed since the last one: import the same list "
            "regularly, and accuracy will improve.",
        ),
        _lacking("no_history"),
    ),
    _Check(
        "no_stage_history",
        True,
        lambda data: data.closed > 0 and data.events > 0 and data.with_stages < 0.5,
        Text(
            "ステージの変更履歴がない商談が多く（履歴あり{with_stages:.0%}）、商談の進み方を学習できないため、"
            "予測は大まかになります。{cost}",
            "Most closed deals have no history of stages ({with_stages:.0%} have), so the sales pace cannot "
            "be learned and predictions are coarse. {cost}",
        ),
        _lacking("no_stage_history"),
    ),
    _Check(
        "no_activities",
        False,
        lambda data: data.with_activities < 0.2,
        Text(
            "活動記録のある商談は{with_activities:.0%}です。訪問・電話などの記録を取り込むと精度が上がります。{cost}",
            "{with_activities:.0%} of deals have activities; importing visits, calls and emails improves "
            "accuracy. {cost}",
        ),
        _lacking("no_activities"),
    ),
    _unfilled(
        "amount",
        Text(
            "金額がない商談は、商品ごとの平均的な金額で見積もります。",
            "deals without one are valued at the usual amount for their product.",
        ),
    ),
    _unfilled(
        "expected_close_date",
        Text(
            "受注予定日がない商談は、時期の予測が大まかになります。",
            "without one, the close date is predicted coarsely.",
        ),
    ),
    _unfilled(
        "owner_id",
        Text(
            "担当者がない商談は、チームや担当者の着地見込みに入りません。",
            "deals without one are in no team's or rep's forecast.",
        ),
    ),
)


def examine(log: EventLog, as_of: int) -> list[DataFinding]:
    """How much data a log as of `as_of` has, what it lacks and how much accuracy that costs."""
    data = _Measured.of(log, as_of)
    findings = []
    for check in _CHECKS:
        if check.applies(data):
            text = check.text.format(**vars(data), cost=check.cost(data))
            findings.append(DataFinding(check.code, check.serious, Text(text.ja.strip(), text.en.strip())))
    # Every answer names them as they are at its moment, so that the model need not.
    return findings + [DataFinding(code, False, text) for code, text in missing_rates(log.money)]


def _cost_sentence(cost: Cost | None, before: Text | None = None) -> Text:
    """A measured cost as a sentence; empty where there is none."""
    if cost is None:
        return Text("", "")
    text = cost.describe()
    start = before or Text("これがない場合、", "Without it, ")
    return Text(f"{start.ja}{text.ja}", f"{start.en}{text.en} ")


def _share(rows: np.ndarray, among: np.ndarray) -> float:
    """The share of some deals (a mask) that occur in `rows`."""
    occurs = np.zeros(len(among), bool)
    occurs[rows[rows >= 0]] = True
    return float(occurs[among].mean()) if among.any() else 0.0
