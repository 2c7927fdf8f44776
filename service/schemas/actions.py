"""What do recommended actions, their outcomes and the report on their effect look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import (
    AccountName,
    Answer,
    DealName,
    GapShare,
    NextCursor,
    RankedBy,
    Revenue,
    ScopeName,
)


class SimilarDeal(BaseModel):
    """A closed deal that the win model's trees treat much like this one."""

    deal_id: str
    name: DealName = None
    account_name: AccountName = None
    outcome: Literal["won", "lost"]
    similarity: float = Field(ge=0, le=1, description="Share of the trees that put both into one leaf")


class ActionEvidence(BaseModel):
    """Past deals with the action, compared with similar deals with ordinary contacts only (calls, emails).

    A call is compared with emails, an email with calls.
    """

    deals_with: int
    deals_without: int
    win_rate_with: float
    win_rate_without: float = Field(
        description="Of similar deals: weighted to resemble the deals with the action"
    )
    adjusted_for: str
    top_sellers_share: float | None = Field(
        description="Share of the deals of top-quartile reps that had the action"
    )
    other_sellers_share: float | None = Field(description="The same of all other reps")


class Action(BaseModel):
    """A next action and its expected effect; 80 % interval."""

    recommendation_id: str | None = Field(description="null for a deal that is not stored")
    action: str = Field(examples=["demo", "material:導入事例集", "visit_with_manager"])
    label: str
    uplift_pp: float = Field(description="Points of win probability, compared with the usual course")
    interval: list[float] = Field(description="80 % interval of uplift_pp")
    attainment_pp: float | None = Field(description="Points of the goal's probability; null without a target")
    revenue: Revenue = None
    gap_share: GapShare = None
    expected_revenue: float = Field(description="The same as `revenue`")
    effort_minutes: float
    reliability: Literal["high", "medium", "low"]
    e_value: float = Field(
        description="Risk ratio by which an unrecorded reason must go with both action and win to explain it"
    )
    evidence: ActionEvidence
    similar_deals: list[SimilarDeal] = Field(default_factory=list)
    valid_until: str


class ActionNotRecommended(BaseModel):
    """An action that is not recommended, and why."""

    action: str
    label: str
    code: Literal["done", "no_comparison", "no_benefit", "confounded"]
    message: str


class DealAction(Action):
    """A next action with its deal and the rep who owns it."""

    deal_id: str
    name: DealName = None
    account_name: AccountName = None
    owner_id: str | None
    owner_name: str | None = Field(None, description="What the owner is called")
    by_period_end: float


class ActionList(Answer):
    """Next actions, ranked by their effect on the goal per hour of effort (`ranked_by`)."""

    period: str
    scope: str
    name: ScopeName = None
    open_deals: int
    held_out_deals: int = Field(
        description="Deals of the holdout group: no recommendations, so that their effect can be measured"
    )
    ranked_by: RankedBy = None
    actions: list[DealAction]
    next_cursor: NextCursor = None
    not_recommended: list[ActionNotRecommended] = Field(description="Of one deal")


class OutcomeRequest(BaseModel):
    """The outcome of a recommendation; `reason` where it was dismissed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "accepted"}]})

    state: Literal["shown", "accepted", "dismissed", "done"]
    reason: str | None = Field(None, max_length=1_000)


class RecordedOutcome(Answer):
    """The outcome that was recorded."""

    recommendation_id: str
    state: str
    reason: str | None


class ActionCounts(BaseModel):
    """Outcomes of an action's recommendations."""

    action: str
    label: str | None = None
    recommended: int
    shown: int
    accepted: int
    dismissed: int
    done: int = Field(description="Reported, or seen in the activities while it was valid")
    reasons: dict[str, int] = Field(description="Why it was dismissed, how often")


class HoldOut(BaseModel):
    """Deals with recommendations compared with the holdout group; 90 % interval."""

    recommended_closed: int
    held_out_closed: int
    win_rate_recommended: float | None
    win_rate_held_out: float | None
    lift_pp: float | None = Field(description="null until 30 deals of each have closed")
    interval: list[float] | None


class Estimate(BaseModel):
    """A mean with its 90 % interval."""

    value: float
    low: float
    high: float


class OffPolicyValue(BaseModel):
    """Off-policy estimate: the win rate if the best-rated action always came first."""

    deals: int
    win_rate_observed: float
    ips: Estimate
    snips: Estimate
    doubly_robust: Estimate
    effective_sample_size: float


class RecommendationReport(Answer):
    """Whether recommendations help."""

    recommendations: int
    by_action: list[ActionCounts]
    next_cursor: NextCursor = None
    hold_out: HoldOut | None
    off_policy_value: OffPolicyValue | None = Field(description="null until 30 explored deals have closed")
