"""What do KPIs, their SMART check, the driver tree and the plan look like?"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Answer, Day, RankedBy, ScopeName
from service.schemas.forecasts import Driver, ForecastSummary, PlanBody


class KpiForecast(BaseModel):
    """A KPI's value at the period's end."""

    p10: float
    p50: float
    p90: float


class KpiValue(BaseModel):
    """A KPI in an earlier period."""

    period: str
    value: float | None


class CriterionResult(BaseModel):
    """Whether a criterion is met, why, and a suggestion where it is not."""

    ok: bool
    why: str
    suggestion: str | None = None


class Kpi(BaseModel):
    """A KPI of a scope and period; `value` is null where it has never been recorded."""

    kpi: str = Field(examples=["visits"])
    label: str
    meaning: str
    unit: str
    style: list[str] = Field(description="Selling styles it is for", examples=[["field", "route"]])
    value: float | None = Field(description="So far")
    target: float | None
    probability: float | None = Field(ge=0, le=1, description="Of reaching the target by the period's end")
    forecast: KpiForecast | None
    required_per_business_day: float | None = Field(description="To reach the target; of counts and amounts")
    trend: list[KpiValue] = Field(description="Eight periods before this one, oldest first, as known now")
    controllable: bool = Field(description="Within a rep's control")
    smart: dict[str, CriterionResult] | None = Field(description="Of its target; null without one")


class KpiList(Answer):
    """The KPIs of a scope and period."""

    period: str
    scope: str
    name: ScopeName = None
    business_days_left: float
    kpis: list[Kpi]


class ProposedKpi(BaseModel):
    """A KPI as somebody proposes it; a field left out counts as not stated."""

    model_config = ConfigDict(extra="forbid")

    kpi: str = Field(max_length=100, examples=["visits"])
    scope: str = Field(
        "company",
        max_length=500,
        examples=["person:P-1"],
        description="Default: the widest that the caller may see",
    )
    value: float | None = Field(None, allow_inf_nan=False, examples=[120])
    unit: str | None = Field(None, max_length=50)
    segment: dict[str, str] = Field(default_factory=dict, description="column: value")
    period: str | None = Field(None, max_length=50, examples=["2026-Q4"])
    last_reviewed: Day | None = Field(None, description="Day of the last review")


class CheckRequest(BaseModel):
    """KPIs to be checked."""

    model_config = ConfigDict(extra="forbid")

    proposals: list[ProposedKpi] = Field(min_length=1, max_length=200)
    as_of: str | None = Field(None, max_length=50)


class CheckedKpi(BaseModel):
    """A proposed KPI and the findings of the five criteria."""

    kpi: str
    label: str
    scope: str
    name: ScopeName = None
    value: float | None
    period: str | None
    probability: float | None
    smart: dict[str, CriterionResult]


class CheckedPerson(BaseModel):
    """Findings about all proposed KPIs of a person."""

    scope: str
    name: ScopeName = None
    findings: dict[str, CriterionResult]


class KpiCheck(Answer):
    """Findings of the SMART check, with a suggestion for each criterion that is not met."""

    proposals: list[CheckedKpi]
    people: list[CheckedPerson]


class Branch(Driver):
    """A driver of the goal, and the KPIs that measure it."""

    ksf: bool = Field(description="One of the strongest controllable drivers: a key success factor")
    kpis: list[dict[str, Any]]


class Goal(ForecastSummary):
    """The KGI."""

    kpi: str


class Tree(Answer):
    """KGI -> KSF -> KPI of a scope and period, with numbers; the strongest branch first."""

    period: str
    scope: str
    name: ScopeName = None
    goal: Goal
    ranked_by: RankedBy = None
    branches: list[Branch]


class PlanRequest(BaseModel):
    """The probability to reach, and the levers that may change (empty: all of them)."""

    model_config = ConfigDict(extra="forbid")

    period: str = Field(max_length=50, examples=["2026-Q4"])
    probability: float = Field(gt=0, lt=1, examples=[0.8])
    scope: str = Field("company", max_length=500, description="Default: the widest that the caller may see")
    as_of: str | None = Field(None, max_length=50)
    levers: list[str] = Field(
        default_factory=list, max_length=20, examples=[["leads", "win_rate"]],
        description="leads, appointment_rate, proposals, win_rate, amount, cycle_time",
    )  # fmt: skip
    shares: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict, max_length=20, examples=[{"leads": 0.5}],
        description="By lever, how much of the way to the top quartile of peers it goes: the answer is what "
        "that gives, instead of the smallest change, and `levers` says nothing",
    )  # fmt: skip
    target: float | None = Field(None, ge=0, allow_inf_nan=False, description="Default: the stored target")


class Plan(Answer, PlanBody):
    """The smallest change that reaches the requested probability; where none does, the maximum."""

    period: str
