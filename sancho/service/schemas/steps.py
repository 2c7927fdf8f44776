"""What do answers about bottlenecks and next actions look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sancho.service.schemas.base import Answer


class BottleneckCondition(BaseModel):
    """`feature` `op` `value`, on the way from one stage to the next (null: to being won).

    days_in_stage and days_without_contact count from coming to the stage; `conversion` is the share going on
    that the segment's other stages lead one to expect; all others are features of the catalogue.
    """

    model_config = ConfigDict(populate_by_name=True)

    feature: str
    op: Literal[">", "=", "<"]
    value: float
    start: str = Field(alias="from")
    to: str | None


class DealBottleneck(BaseModel):
    """A condition that goes with fewer wins in a segment, all else that is known being equal."""

    id: str
    kind: Literal["interval", "activity_gap", "conversion"]
    segment: dict[str, str] = Field(description="column: value; `size` is small, medium or large")
    condition: BottleneckCondition
    label: str
    deals: int = Field(description="Past deals with the condition in the segment")
    win_rate_with: float = Field(description="Of kind conversion: the share going on")
    win_rate_without: float | None
    effect_pp: float = Field(description="Adjusted difference in that rate, estimated on deals apart")
    interval: list[float] = Field(description="90 % interval of effect_pp")
    q_value: float = Field(description="Least share of false findings at which it still counts")
    suggested_action: str


class Bottleneck(DealBottleneck):
    """A bottleneck with what it costs a scope now."""

    open_deals: int = Field(description="Open deals in it")
    approaching_deals: int = Field(description="Open deals that come into it if nothing is done")
    revenue_at_stake: float = Field(description="Expected revenue its open deals lose by it")
    attainment_pp: float | None = Field(
        description="What its open deals would add to the target's probability without it; null: no target"
    )


class SimilarDeal(BaseModel):
    """A closed deal that the win model's trees hardly tell from this one."""

    deal_id: str
    outcome: Literal["won", "lost"]
    similarity: float = Field(ge=0, le=1, description="Share of the trees that put both into one leaf")


class ActionEvidence(BaseModel):
    """Past deals with the action, and with ordinary contacts (calls, mails) on deals alike.

    A call is held against mails, a mail against calls.
    """

    deals_with: int
    deals_without: int
    win_rate_with: float
    win_rate_without: float = Field(description="Weighed to be like those with it")
    adjusted_for: str
    top_sellers_share: float | None = Field(description="Of the better quartile of sellers' deals, with it")
    other_sellers_share: float | None


class Action(BaseModel):
    """A next action and what it is expected to do; 80 % interval."""

    recommendation_id: str | None = Field(description="null for a deal that is not stored")
    action: str = Field(examples=["demo", "material:導入事例集", "visit_with_superior"])
    label: str
    uplift_pp: float = Field(description="Points of win probability against the usual course")
    interval: list[float] = Field(description="80 % interval of uplift_pp")
    attainment_pp: float | None = Field(description="Points of the goal's probability; null without a target")
    expected_revenue: float = Field(description="More revenue expected within the period")
    effort_minutes: float
    reliability: Literal["high", "medium", "low"]
    e_value: float = Field(
        description="Risk ratio by which an unrecorded reason must go with both action and win to explain it"
    )
    evidence: ActionEvidence
    similar_deals: list[SimilarDeal] = Field(default_factory=list)
    valid_until: str


class RefusedAction(BaseModel):
    """An action that is not recommended, and why."""

    action: str
    label: str
    code: Literal["done", "no_comparison", "no_benefit", "chosen"]
    why: str


class DealAction(Action):
    """The action and whose deal it is for."""

    deal_id: str
    owner_id: str | None
    by_period_end: float


class ActionList(Answer):
    """Next actions, the most points of the goal per hour first."""

    period: str
    scope: str
    open_deals: int
    held_out: int = Field(description="Deals without recommendations, to measure what these bring")
    actions: list[DealAction]
    not_recommended: list[RefusedAction] = Field(description="Of one deal")


class OutcomeRequest(BaseModel):
    """What became of a recommendation; `reason` where it was dismissed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "accepted"}]})

    state: Literal["shown", "accepted", "dismissed", "done"]
    reason: str | None = Field(None, max_length=1_000)


class OutcomeKept(Answer):
    """What was written down."""

    recommendation_id: str
    state: str
    reason: str | None


class ActionCounts(BaseModel):
    """What became of an action's recommendations."""

    action: str
    made: int
    shown: int
    accepted: int
    dismissed: int
    done: int = Field(description="Said, or seen in the activities while it was valid")
    reasons: dict[str, int] = Field(description="Why it was dismissed, how often")


class HoldOut(BaseModel):
    """Deals with recommendations against deals held out; 90 % interval."""

    recommended_closed: int
    held_out_closed: int
    win_rate_recommended: float | None
    win_rate_held_out: float | None
    lift_pp: float | None = Field(description="null until 30 deals of each have closed")
    interval: list[float] | None


class EstimatedValue(BaseModel):
    """A mean with its 90 % interval."""

    value: float
    low: float
    high: float


class BestAlways(BaseModel):
    """Win rate if the action thought best always came first, judged by explored choices."""

    deals: int
    win_rate_as_chosen: float
    ips: EstimatedValue
    snips: EstimatedValue
    doubly_robust: EstimatedValue
    effective: float


class LiftReport(Answer):
    """Whether recommendations help."""

    recommendations: int
    by_action: list[ActionCounts]
    hold_out: HoldOut | None
    best_always: BestAlways | None = Field(description="null until 30 explored deals have closed")


class FlowDays(BaseModel):
    """Days until those that went on did."""

    p25: float
    p50: float
    p75: float


class FlowStep(BaseModel):
    """Deals that came to a stage in the past year."""

    stage: str
    to: str | None
    deals: int
    went_on: int = Field(description="To a later stage, or won")
    ended: int = Field(description="Lost in this stage")
    still: int
    conversion: float | None = Field(description="went_on of those that went on or ended")
    days: FlowDays | None


class BottleneckList(Answer):
    """Bottlenecks, the dearest first, and the funnel they were found in."""

    period: str
    scope: str
    bottlenecks: list[Bottleneck]
    flow: list[FlowStep]
