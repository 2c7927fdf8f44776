"""What does the list of open deals look like?"""

from __future__ import annotations

from datetime import date
from typing import Literal, TypeAlias

from pydantic import BaseModel, Field

from service.schemas.base import AccountName, Answer, DealName, NextCursor, RankedBy, ScopeName
from service.schemas.deals import Flag, FlagCode

DealFilter: TypeAlias = Literal["attention"] | FlagCode


class NextAction(BaseModel):
    """The first of a deal's next actions, in short; `GET /v1/deals/{deal_id}` has all of them."""

    recommendation_id: str
    action: str
    label: str
    uplift_pp: float = Field(description="Points of win probability, compared with the usual course")
    reliability: Literal["high", "medium", "low"]


class DealScore(BaseModel):
    """An open deal with its scores (one row of `sancho score`), and what is known of it."""

    deal_id: str
    name: DealName = None
    account_name: AccountName = None
    as_of: str
    period: str
    win_probability: float
    win_by_period_end: float
    expected_revenue: float
    revenue_p10: float
    revenue_p50: float
    revenue_p90: float
    expected_close_date: date | None = Field(description="Predicted: the median day of a win, if it is won")
    model_version: str
    owner_id: str | None = None
    owner_name: str | None = Field(None, description="What the owner is called")
    stage: str
    amount: float | None = Field(None, description="As recorded, in the organisation's currency")
    planned_close_date: date | None = Field(
        None, description="The expected close date that the rep has entered"
    )
    change_pp: float | None = Field(
        None,
        description="By how much `win_by_period_end` has changed in a week, by the same model; null for "
        "a deal that was not there yet",
    )
    swing_pp: float | None = Field(
        None,
        description="Points of the scope's probability of reaching its target if it is won, minus those if "
        "it is lost; null without a target",
    )
    flags: list[Flag] = Field(default_factory=list)
    needs_attention: bool = Field(
        False,
        description="It is past its date, stalled or without contact, and its swing is a point or more; "
        "where the goal is settled (`ranked_by` revenue), its expected revenue is 1 % of the target or more",
    )
    next_action: NextAction | None = Field(
        None, description="null where none is recommended, or the deal is in the holdout group"
    )


class FlagCount(BaseModel):
    """For how many of the scope's open deals a flag is raised."""

    code: FlagCode
    label: str
    deals: int


class DealList(Answer):
    """Scored open deals, a page of them."""

    period: str
    scope: str
    name: ScopeName = None
    ranked_by: RankedBy = None
    deals: list[DealScore]
    next_cursor: NextCursor = None
    previous_cursor: str | None = Field(
        None,
        description="Send it as `cursor` to get the page before; null where that is the first page, which "
        "needs no cursor, or where this is the first page (`rows_before` is 0)",
    )
    rows_before: int = Field(description="How many of the deals found come before this page")
    deals_found: int = Field(description="How many deals there are on all pages")
    open_deals: int = Field(description="How many are open in the scope, whatever is looked for")
    attention_deals: int = Field(description="How many of these need attention")
    flag_counts: list[FlagCount] = Field(description="Of all open deals of the scope, most frequent first")
