"""What do candidates, proposed and accepted sets of KPIs, and their review look like?"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Answer, GapShare, RankedBy, ScopeName
from service.schemas.kpis import CriterionResult

MAX_SET = 10  # KPIs of a set; the check says that five are enough
Step = Annotated[
    Literal["lead", "appointment", "meeting", "proposal", "closing", "customer"],
    Field(description="Step of the process that it belongs to"),
]
Evidence = Annotated[
    Literal["lever", "action", "correlation", "none"],
    Field(
        description="By what its effect is estimated: a lever of the joint simulation, an action's estimated "
        "effect; else the figures of the effect are null, and there is a correlation at most"
    ),
]
PaddingEase = Annotated[
    Literal["hard", "some", "easy"],
    Field(description="How easily it rises without work behind it: by who else records it"),
]


class StepEffect(BaseModel):
    """What reaching a value brings the goal of `goal_scope`; null where nothing is estimated."""

    attainment_pp: float | None = Field(description="Points of the probability of the target")
    revenue: float | None = Field(description="Expected revenue that it adds: in the period, or `later`")
    gap_share: GapShare
    strength: float | None = Field(description="The effect by which it is ranked: points, or % of the target")
    ranked_by: RankedBy
    goal_scope: str | None = Field(description="Whose goal it serves: its own, else the widest seen")
    together: bool = Field(description="The effect if all of the team in the same role reach it")
    later: bool = Field(description="The revenue comes in the end, most of it after the period")


class KpiCandidate(StepEffect):
    """A KPI that a scope could be given, and what a feasible step of it would bring."""

    kpi: str = Field(examples=["proposals"])
    label: str
    unit: str
    meaning: str
    style: list[str] = Field(description="Selling styles it is for")
    step: Step
    in_hand: bool = Field(description="Within the scope's own control, and recorded by it")
    completeness: float | None = Field(description="Share of the records behind it that are complete")
    days_to_revenue: float | None = Field(description="Median days from its event to the win")
    so_far: float | None
    expected: float | None = Field(description="Median at the period's end as things go")
    value: float | None = Field(description="A feasible step: reached with about 35 % as things go")
    probability: float | None = Field(ge=0, le=1, description="Of reaching `value` as things go")
    evidence: Evidence
    source: str | None = Field(description="The lever or action", examples=["proposals"])
    correlation: float | None = Field(
        description="Spearman's, with revenue, over people and past periods: no effect"
    )
    padding: PaddingEase
    padding_why: str
    proposable: bool = Field(description="Sound, and it moves the goal enough to stand in a set")
    reason: str


class CandidateList(Answer):
    """All candidates of a scope and period, the strongest effect first."""

    period: str
    scope: str
    name: ScopeName = None
    ranked_by: RankedBy = None
    candidates: list[KpiCandidate]


class ProposeRequest(BaseModel):
    """For whom and which period sets are proposed."""

    model_config = ConfigDict(extra="forbid")

    period: str = Field(max_length=50, examples=["this-quarter"])
    scope: str | None = Field(
        None,
        max_length=500,
        examples=["person:P-1"],
        description="A person, or all people of a team; default: the widest that the caller may see",
    )
    as_of: str | None = Field(None, max_length=50)


class ProposedSetKpi(StepEffect):
    """A KPI of a proposed set, as one sentence and in figures."""

    kpi: str
    label: str
    unit: str
    step: Step
    so_far: float | None
    expected: float | None
    value: float | None
    per_week: float | None = Field(description="From now on; of counts")
    usual_per_week: float | None = Field(description="At the current pace")
    probability: float | None = Field(ge=0, le=1, description="Of reaching `value` as things go")
    evidence: Evidence
    source: str | None
    padding: PaddingEase
    kept: bool = Field(description="It was in the set before")
    from_plan: bool = Field(description="`value` is what the plan for the goal asks of this person")
    sentence: str
    reason: str


class SetBefore(BaseModel):
    """The accepted set that a proposal starts from."""

    period: str
    version: int


class ProposedSet(BaseModel):
    """Three to five KPIs of a person; fewer where no more have an estimated effect."""

    scope: str
    name: ScopeName = None
    style: str | None
    before: SetBefore | None
    kpis: list[ProposedSetKpi]


class Proposal(Answer):
    """A set for each person of a scope; nothing is stored."""

    period: str
    scope: str
    name: ScopeName = None
    sets: list[ProposedSet]


class ChosenKpi(BaseModel):
    """A KPI and its value."""

    model_config = ConfigDict(extra="forbid")

    kpi: str = Field(max_length=100, examples=["proposals"])
    value: float = Field(ge=0, allow_inf_nan=False, examples=[18])


class AcceptRequest(BaseModel):
    """The KPIs of a set, as proposed or one's own, and why it was changed."""

    model_config = ConfigDict(extra="forbid")

    kpis: list[ChosenKpi] = Field(min_length=1, max_length=MAX_SET)
    reason: str | None = Field(None, max_length=2_000)


class AcceptedSetKpi(BaseModel):
    """A KPI of an accepted set, with what was foreseen when it was accepted."""

    kpi: str
    label: str
    unit: str
    value: float
    expected: float | None
    so_far: float | None
    probability: float | None
    attainment_pp: float | None
    revenue: float | None
    gap_share: GapShare


class CurrentSetKpi(AcceptedSetKpi):
    """The same with what the SMART check says of it now."""

    smart: dict[str, CriterionResult]


class KpiSetVersion(BaseModel):
    """A version of a set, and who accepted it."""

    version: int
    accepted_at: str
    accepted_by: str
    reason: str | None


class StoredSet(KpiSetVersion):
    """A version with its KPIs."""

    kpis: list[AcceptedSetKpi]


class CurrentSet(KpiSetVersion):
    """The version that holds, with what the check says of it."""

    kpis: list[CurrentSetKpi]
    findings: dict[str, CriterionResult]


class KpiSet(Answer):
    """The set of a scope and period, with all its versions, newest first."""

    period: str
    scope: str
    name: ScopeName = None
    current: CurrentSet | None
    versions: list[StoredSet]


class ReviewedSetKpi(BaseModel):
    """What became of an accepted KPI."""

    kpi: str
    label: str
    unit: str
    value: float
    now: float | None
    reached: bool | None = Field(description="null: the period still runs")
    probability: float | None
    revenue_promised: float | None = Field(
        description="What the step was to bring its own goal when it was accepted; null of what serves "
        "another goal or comes later"
    )
    came: Literal["came", "less", "none", "cannot_be_told"]
    share_of_promised: float | None = Field(description="Over all who had this KPI")
    share_interval: tuple[float, float] | None = Field(description="80 % interval")
    people: int
    strength_then: float | None
    strength_now: float | None
    lost_relation: bool
    padded: str | None = Field(description="What looks padded, as a question to ask")
    verdict: Literal["drop", "keep", "change", "put_in_place"]
    value_now: float | None = Field(description="To which value to change it")
    sentence: str


class ReviewedSet(KpiSetVersion):
    """What became of an accepted set."""

    scope: str
    name: ScopeName = None
    kpis: list[ReviewedSetKpi]
    put_in_place: list[ProposedSetKpi]


class KpiReview(Answer):
    """The review of the accepted sets of a period, and whether it is due."""

    period: str
    scope: str
    name: ScopeName = None
    is_over: bool
    due: bool
    why_due: list[str]
    sets: list[ReviewedSet]
