"""What does the deal sheet (ヨミ表) look like?"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from service.schemas.base import AccountName, Answer, DealName, ScopeName
from service.schemas.deals import Flag


class YomiRank(BaseModel):
    """A rank and the chance of an order that is agreed for it."""

    rank: str = Field(examples=["A"])
    agreed: float = Field(gt=0, le=1, examples=[0.9])
    counted_on: bool = Field(description="Whether it counts in the rows `counted_on`: agreed at 50 % or more")


class RankColumn(BaseModel):
    """A column of the organisation's own that could hold the ranks."""

    column: str = Field(examples=["ヨミ"])
    values: list[str] = Field(
        description="Some of its values, the most frequent first", examples=[["A", "B"]]
    )


class YomiSummaryRow(BaseModel):
    """A row of the summary: by month, and of the whole period."""

    code: Literal["target", "won", "rank", "unranked", "counted_on", "gap", "attained", "expected"]
    rank: str | None = Field(description="Of `rank` its rank; of `counted_on` the last one added")
    label: str
    months: list[float | None] = Field(description="null where no target is set for the month")
    total: float | None


class YomiRevenue(BaseModel):
    """The forecast of the period: mean, median, and the 80 % interval unless past forecasts refute it."""

    mean: float
    p10: float | None = Field(description="null where past forecasts refute the interval")
    p50: float
    p90: float | None
    interval: Literal["held", "refuted", "unchecked"] = Field(
        description="What the newest backtest says of 80 % intervals of such scopes"
    )


class YomiReason(BaseModel):
    """What moves a deal's chance, against the deals won from its stage."""

    reason: str
    label: str
    effect_pp: float
    controllable: bool


class YomiAction(BaseModel):
    """The best next action of a deal."""

    action: str
    label: str
    uplift_pp: float
    recommendation_id: str | None


class YomiDeal(BaseModel):
    """A deal on the sheet: open and due in the period, or won in it."""

    deal_id: str
    name: DealName = None
    account_name: AccountName = None
    owner_id: str | None
    owner_name: str | None = Field(description="What the owner is called")
    product: str | None
    stage: str | None
    state: Literal["open", "won"]
    rank: str | None = Field(description="The rep's own call as it was known at the moment; null = none")
    agreed: float | None = Field(
        description="The chance agreed for the rank; null for one that is not agreed"
    )
    expected_close_date: date | None = Field(description="As entered; of a deal that is won, when it was")
    month: str | None = Field(
        description="The month in which it counts: that of the day entered, or of the moment once that is "
        "past; null without a day",
        examples=["2026-12"],
    )
    amount: float | None = Field(description="As entered, in the organisation's currency")
    by_period_end: float | None = Field(description="Probability of a win within the period; null once won")
    difference_pp: float | None = Field(description="`by_period_end` minus `agreed`, in points")
    revenue: float | None = Field(description="Expected revenue within the period; null once won")
    swing_pp: float | None = Field(
        description="Points of the chance of the scope's target between won and lost; null without a target"
    )
    flags: list[Flag]
    reasons: list[YomiReason] = Field(description="What moves its chance most, at most two")
    next_action: YomiAction | None
    last_contact: date | None
    updated: date | None = Field(description="When something about it was last entered")


class CheckedRank(BaseModel):
    """What became of the deals with a rank."""

    rank: str
    agreed: float
    deals: int
    won: int = Field(description="Won within the quarter")
    share: float | None = Field(description="Won over deals; null with fewer deals than `fewest`")
    difference_pp: float | None = Field(description="`share` minus `agreed`, in points")


class CheckedRep(BaseModel):
    """The ranks of a rep, checked."""

    scope: str
    name: ScopeName = None
    ranks: list[CheckedRank]


class CheckedQuarter(BaseModel):
    """A past quarter, and the moment at which its ranks are read."""

    period: str
    as_of: str


class AnswerCheck(BaseModel):
    """What past ranks were worth: deals due in their quarter, by the rank in one week of it."""

    week: int = Field(description="Of the quarter, at whose end the ranks are read")
    fewest: int = Field(description="Deals from which a share is told")
    quarters: list[CheckedQuarter] = Field(description="The newest first")
    ranks: list[CheckedRank]
    by_rep: list[CheckedRep] = Field(description="Of the reps who are in the scope now and had such deals")


class Yomi(Answer):
    """The deal sheet of a scope and period."""

    period: str
    scope: str
    name: ScopeName = None
    rank_column: str | None = Field(
        description="The column of deals that holds the ranks; null = none is named"
    )
    rank_columns: list[RankColumn] = Field(description="Where none is named: columns that could be it")
    ranks: list[YomiRank] = Field(description="The likeliest first")
    target: float | None
    probability: float | None = Field(description="Of reaching the target; null without one")
    revenue: YomiRevenue
    months: list[str] = Field(examples=[["2026-10", "2026-11", "2026-12"]])
    summary: list[YomiSummaryRow]
    no_range_by_month: str = Field(description="Why the forecast has no interval by month")
    answer_check: AnswerCheck | None = Field(description="null where no column holds ranks")
    deals: list[YomiDeal] = Field(description="The largest swing first; deals that are won at the end")
    deals_without_day: int = Field(description="Open deals on the sheet that are in no month and no sum")
    deals_due_later: int = Field(description="Open deals of the scope that are due after the period")
