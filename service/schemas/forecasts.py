"""What do a forecast, and one under changed assumptions, look like?"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import (
    MAX_ROWS,
    AccountName,
    Answer,
    Day,
    DealName,
    GapShare,
    ProbabilityIntervals,
    RankedBy,
    Revenue,
    ScopeName,
)


class PushedDeal(BaseModel):
    """An open deal that closes some days later."""

    model_config = ConfigDict(extra="forbid")

    deal_id: str = Field(min_length=1)
    days: float = Field(ge=0, le=3660)


class RepricedDeal(BaseModel):
    """An open deal and its new amount."""

    model_config = ConfigDict(extra="forbid")

    deal_id: str = Field(min_length=1)
    amount: float = Field(ge=0, allow_inf_nan=False)
    currency: str | None = Field(None, description="Default: the organisation's", examples=["USD"])


class NewTarget(BaseModel):
    """A revenue target in place of the stored one."""

    model_config = ConfigDict(extra="forbid")

    scope: str = Field(examples=["company"])
    value: float = Field(ge=0, allow_inf_nan=False)
    currency: str | None = Field(None, description="Default: the organisation's", examples=["USD"])


class NewHire(BaseModel):
    """A rep who joins and creates new deals like an average member of the team."""

    model_config = ConfigDict(extra="forbid")

    team_id: str | None = Field(None, description="null = of no team", examples=["T01"])
    start: Day | None = Field(None, description="First day, default today")


class NewLevel(BaseModel):
    """A KPI or lever whose level is multiplied, for a scope."""

    model_config = ConfigDict(extra="forbid")

    kpi: str = Field(
        description="leads, appointments, proposals or win_rate, or a lever of the tree", examples=["leads"]
    )
    multiplier: float = Field(gt=0, le=10, examples=[1.2])
    scope: str = Field("company", max_length=500, description="Default: the widest that the caller may see")


class WhatIfRequest(BaseModel):
    """The assumptions about a period."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"targets": [{"scope": "company", "value": 200_000_000}]}]},
    )

    scope: str = Field(
        "company", examples=["company", "team:T01"], description="Default: the widest that the caller may see"
    )
    as_of: str | None = Field(None, examples=["2026-11-20"])
    won: list[str] = Field(default_factory=list, max_length=MAX_ROWS)
    lost: list[str] = Field(default_factory=list, max_length=MAX_ROWS)
    pushed: list[PushedDeal] = Field(default_factory=list, max_length=MAX_ROWS)
    repriced: list[RepricedDeal] = Field(default_factory=list, max_length=MAX_ROWS)
    leaving: list[str] = Field(default_factory=list, max_length=MAX_ROWS, description="person_ids")
    joining: list[NewHire] = Field(default_factory=list, max_length=50)
    levels: list[NewLevel] = Field(default_factory=list, max_length=20)
    targets: list[NewTarget] = Field(default_factory=list, max_length=MAX_ROWS)


class RevenueDistribution(BaseModel):
    """A distribution of revenue."""

    mean: float
    p05: float
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float
    p95: float


class ForecastRevenue(RevenueDistribution):
    """A distribution of revenue, with outcomes to count."""

    outcomes: list[float] = Field(
        default_factory=list,
        description="50 equally likely totals, ascending; the target is reached in about 50 times the "
        "probability of them",
    )


class Component(BaseModel):
    """A part of the forecast revenue."""

    name: Literal["closed", "open_pipeline", "new_business"]
    mean: float
    p10: float
    p90: float


class PacePoint(BaseModel):
    """Revenue since the period began, by a date; `closed` is null for dates to come."""

    date: date
    closed: float | None
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float


class ForecastDeal(BaseModel):
    """An open deal; `swing_pp` is P(target reached | won) - P(target reached | lost), in points."""

    deal_id: str
    name: DealName = None
    account_name: AccountName = None
    by_period_end: float
    amount: float
    swing_pp: float | None
    revenue: Revenue = None
    gap_share: GapShare = None


class ChildForecast(BaseModel):
    """A scope directly below; the simulated revenues of all children add up to their parent's."""

    scope: str
    name: ScopeName = None
    target: float | None
    probability: float | None
    probability_intervals: ProbabilityIntervals
    revenue: RevenueDistribution
    closed: float | None = Field(None, description="Won so far")
    last_year: float | None = Field(None, description="Revenue of the same period last year")
    progress: float | None = Field(None, description="Won so far over the target; null without one")
    vs_last_year: float | None = Field(
        None, description="Mean forecast over the revenue of the same period last year; null where unknown"
    )


class Baselines(BaseModel):
    """What simple rules forecast."""

    stage_weighted: float | None
    run_rate: float | None
    last_year: float | None


class ChangedDeal(BaseModel):
    """A deal, and by how much it changed the expected revenue."""

    deal_id: str
    name: DealName = None
    account_name: AccountName = None
    revenue: float


class ChangeContribution(BaseModel):
    """One cause of the change, after the causes before it in the list."""

    code: Literal[
        "moved",
        "won",
        "lost",
        "deleted",
        "slipped",
        "advanced",
        "amount",
        "new_deals",
        "new_business",
        "target",
    ]
    label: str
    effect_pp: float = Field(
        description="Points of the probability of reaching the target; parts add up to the change"
    )
    revenue: float = Field(description="Expected revenue; parts add up to the change")
    gap_share: GapShare = None
    deals: list[ChangedDeal] = Field(description="The deals that contributed most")


class Change(BaseModel):
    """What changed the forecast in the past week, both simulated in the same scenarios."""

    model_config = ConfigDict(populate_by_name=True)

    since: str
    before: float = Field(alias="from", ge=0, le=1)
    to: float = Field(ge=0, le=1)
    contributions: list[ChangeContribution]


class PastForecast(BaseModel):
    """What was forecast on a day of the period."""

    as_of: str
    probability: float | None
    target: float | None
    mean: float
    p10: float
    p50: float
    p90: float
    model_version: str
    computed_later: bool = Field(description="Computed as of that day by a later model")


class Driver(BaseModel):
    """A lever, from its current level to the level after a feasible step."""

    model_config = ConfigDict(populate_by_name=True)

    lever: str = Field(examples=["leads"])
    label: str
    unit: str
    before: float = Field(alias="from")
    to: float
    attainment_pp: float = Field(description="Points of the probability of reaching the target")
    revenue: Revenue = None
    gap_share: GapShare = None


class ReachedRevenue(BaseModel):
    """The revenue that is reached with a confidence."""

    confidence: float = Field(gt=0, lt=1, examples=[0.8])
    revenue: float


class Maximum(BaseModel):
    """The goal with every lever at the top quartile of peers, and what that adds."""

    probability: float
    expected: float = Field(description="Mean forecast with all levers")
    attainment_pp: float | None
    revenue: Revenue = None
    gap_share: GapShare = None
    reachable: list[ReachedRevenue]


class PlannedLever(BaseModel):
    """How far the plan moves a lever."""

    model_config = ConfigDict(populate_by_name=True)

    lever: str
    label: str
    unit: str
    before: float = Field(alias="from")
    to: float
    top: float | None = Field(None, description="At the top quartile of peers")
    share_of_step: float = Field(ge=0, le=1, description="Share of the way to the top quartile of peers")
    alone_pp: float = Field(description="What this lever alone would add at the top quartile, in points")
    attainment_pp: float | None = Field(None, description="The same as `alone_pp`")
    revenue: Revenue = None
    gap_share: GapShare = None


class PlannedKpi(BaseModel):
    """Values of one KPI for a person and the rest of the period."""

    kpi: str
    label: str
    unit: str
    usual_per_week: float = Field(description="At the current pace")
    per_week: float
    per_day: float
    by_period_end: float


class PersonPlan(BaseModel):
    """KPIs of a person under the plan."""

    scope: str
    name: ScopeName = None
    kpis: list[PlannedKpi]


class PlanBody(BaseModel):
    """The smallest change that reaches the requested probability; where none does, the maximum."""

    scope: str
    name: ScopeName = None
    target: float
    requested_probability: float
    current_probability: float = Field(description="Without the plan")
    attainable: bool
    probability: float = Field(description="With the plan")
    maximum: float = Field(description="Probability with every chosen lever at the top quartile of peers")
    gap: float | None = Field(None, description="Target minus mean forecast, without the plan")
    attainment_pp: float | None = Field(None, description="What the plan adds, in points")
    revenue: Revenue = None
    gap_share: GapShare = None
    reachable: list[ReachedRevenue] | None = Field(None, description="What can be counted on with the plan")
    ranked_by: RankedBy = None
    levers: list[PlannedLever]
    people: list[PersonPlan]


class LaterPeriod(BaseModel):
    """A later period's goal, and the plan that reaches it with 80 %."""

    period: str
    target: float
    target_from: Literal["set", "this_period"] = Field(
        description="this_period: none is set; that of the period asked for, for as many days"
    )
    probability: float = Field(description="Without the plan")
    expected: float = Field(description="Mean forecast without the plan")
    plan: PlanBody


class Forecast(Answer):
    """Probability of reaching the revenue target; `gap` is the target minus the mean forecast."""

    period: str = Field(examples=["2026-Q4"])
    scope: str = Field(examples=["company"])
    name: ScopeName = None
    target: float | None
    closed: float
    probability: float | None = Field(
        ge=0, le=1, description="Of reaching the target; null where no target is known"
    )
    probability_intervals: ProbabilityIntervals
    usual_change_pp: float | None = Field(
        None,
        description="How much the probability moves in a week anyway: root mean square of its changes in "
        "this period so far, per week, in points; null with fewer than three, or without `history`",
    )
    revenue: ForecastRevenue
    components: list[Component]
    gap: float | None
    ranked_by: RankedBy = None
    reachable: list[ReachedRevenue] | None = Field(
        None, description="Where the target is out of reach (below 2 %): what can be counted on"
    )
    maximum: Maximum | None = Field(None, description="Out of reach: the most that all levers bring")
    margin: float | None = Field(
        None, description="Where the target is safe (above 98 %): revenue that may be lost before it is not"
    )
    next_period: LaterPeriod | None = Field(
        None,
        description="Out of reach: the first later period whose target is within reach (80 %), null where "
        "none is. Safe: the next period. With its plan",
    )
    progress: float | None = Field(None, description="Won so far over the target; null without one")
    vs_last_year: float | None = Field(
        None, description="Mean forecast over the revenue of the same period last year; null where unknown"
    )
    pace: list[PacePoint]
    history: list[PastForecast]
    drivers: list[Driver] = Field(
        description="What a feasible step of each lever adds, up to the top quartile of peers"
    )
    deals: list[ForecastDeal]
    children: list[ChildForecast]
    baselines: Baselines
    change: Change | None = Field(description="null without a target or a week of history")
    parts: list[str] | None = Field(
        None,
        description="Where `parts` were asked for: those that are here; lists of all others are empty, and "
        "their values null, whatever there is",
        examples=[["headline", "drivers"]],
    )


class ForecastSummary(BaseModel):
    """Target, probability of reaching it, and revenue."""

    target: float | None
    probability: float | None
    probability_intervals: ProbabilityIntervals
    revenue: RevenueDistribution


class WhatIfSide(BaseModel):
    """A scope before and after."""

    scope: str
    name: ScopeName = None
    before: ForecastSummary
    after: ForecastSummary
    effect_pp: float | None
    revenue_change: float
    attainment_pp: float | None = Field(None, description="The same as `effect_pp`")
    revenue: Revenue = None
    gap_share: GapShare = None


class WhatIf(Answer):
    """A forecast before and after the assumptions, in the same scenarios."""

    period: str
    scope: str
    name: ScopeName = None
    before: ForecastSummary
    after: ForecastSummary
    effect_pp: float | None
    revenue_change: float
    attainment_pp: float | None = Field(None, description="The same as `effect_pp`")
    revenue: Revenue = None
    gap_share: GapShare = None
    assumptions: list[str]
    children: list[WhatIfSide]
