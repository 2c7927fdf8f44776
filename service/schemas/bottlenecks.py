"""What do answers about bottlenecks and the funnel look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Answer, GapShare, NextCursor, RankedBy, Revenue, ScopeName


class BottleneckCondition(BaseModel):
    """`feature` `op` `value`, on the way from one stage to the next (null: to being won).

    days_in_stage and days_without_contact count from entering the stage; `conversion` is the conversion
    expected from the segment's other stages; all others are features of the catalogue.
    """

    model_config = ConfigDict(populate_by_name=True)

    feature: str
    op: Literal[">", "=", "<"]
    value: float
    start: str = Field(alias="from")
    to: str | None


class DealBottleneck(BaseModel):
    """A condition with a lower win rate in a segment, adjusted for everything else known of the deals."""

    id: str
    kind: Literal["interval", "activity_gap", "conversion"]
    segment: dict[str, str] = Field(description="column: value; `size` is small, medium or large")
    condition: BottleneckCondition
    label: str
    deals: int = Field(description="Past deals with the condition in the segment")
    win_rate_with: float = Field(description="Of kind conversion: the conversion")
    win_rate_without: float | None
    effect_pp: float = Field(
        description="Adjusted difference in that rate, measured on deals not used to find it, less what luck "
        "adds to whatever is found"
    )
    interval: list[float] = Field(description="90 % interval of effect_pp")
    q_value: float = Field(description="Smallest false discovery rate at which it is still reported")
    suggested_action: str


class Bottleneck(DealBottleneck):
    """A bottleneck with what it costs a scope now."""

    open_deals: int = Field(description="Open deals in it")
    approaching_deals: int = Field(description="Open deals that will be in it if nothing is done")
    revenue_at_stake: float = Field(description="Expected revenue that its open deals lose")
    attainment_pp: float | None = Field(
        description="Points of the probability of reaching the target without it; null without a target"
    )
    revenue: Revenue = None
    gap_share: GapShare = None


class FunnelDays(BaseModel):
    """Days until deals advanced."""

    p25: float
    p50: float
    p75: float


class FunnelStage(BaseModel):
    """Deals that entered a stage in the past year."""

    stage: str
    to: str | None
    entered: int
    advanced: int = Field(description="To a later stage, or won")
    lost: int = Field(description="Lost in this stage")
    open: int
    conversion: float | None = Field(description="advanced / (advanced + lost)")
    days: FunnelDays | None


class BottleneckList(Answer):
    """Bottlenecks, the costliest first, and the funnel of the scope."""

    period: str
    scope: str
    name: ScopeName = None
    ranked_by: RankedBy = None
    bottlenecks: list[Bottleneck]
    next_cursor: NextCursor = None
    looked_for: int | None = Field(
        None,
        description="How many conditions in segments the training compared; null of models trained before it "
        "was kept",
    )
    false_share: float = Field(
        description="The share of false ones among the bottlenecks found that the search keeps to, at most"
    )
    funnel: list[FunnelStage]
