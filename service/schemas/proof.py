"""What does the proof of a model look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from service.schemas.base import Answer
from service.schemas.models import ModelVersion, MonitoringReport, ScoreDifference


class ChanceGroup(BaseModel):
    """Later deals of which similar chances were said, and the share that was won."""

    predicted: float = Field(description="Mean chance said")
    observed: float = Field(description="Share won")
    low: float = Field(description="Lower end of the 95 % interval of the share won")
    high: float
    count: int = Field(description="Deals; each counts once")


class Reliability(BaseModel):
    """What came of later deals, by tenths of the chance said."""

    deals: int
    groups: list[ChanceGroup]


class CoveredInterval(BaseModel):
    """How often intervals of a kind held what came; `refuted`: they are not shown."""

    kind: Literal["deal", "company", "team", "person"] = Field(
        description="deal = of the chance of a deal; else of the revenue of scopes of that kind"
    )
    level: float = Field(examples=[0.8])
    covered: float
    low: float | None = Field(description="Lower end of the 95 % interval of the share covered")
    high: float | None
    count: int = Field(description="Groups of about 50 deals, or forecasts")
    verdict: Literal["held", "refuted"] = Field(
        description="refuted = even the upper end of the share covered lies below the level"
    )


class ComparedMethod(BaseModel):
    """A method on the same rows as the model; lower scores are better."""

    name: str
    label: str
    score: float | None
    difference: ScoreDifference | None = Field(description="The model's score minus this one's")
    verdict: Literal["better", "same", "worse"] | None = Field(description="Of the model, beside this one")


class TargetGroup(BaseModel):
    """Past forecasts of the company's target with similar chances, and how many were reached."""

    low: float
    high: float
    forecasts: int
    reached: int


class KeptBacktest(BaseModel):
    """The newest backtest of the installation."""

    made_at: str
    periods: list[str]


class DataFinding(BaseModel):
    """What the training data had or lacked."""

    code: str
    serious: bool
    message: str


class DataHealth(BaseModel):
    """How fresh and how complete the data are."""

    newest_deal_record: str
    days_old: int
    quarantined_rows: int
    findings: list[DataFinding]


class ModelProof(Answer):
    """What is known of how good a version and its intervals are; null and empty where nothing is kept."""

    version: ModelVersion
    summary: str
    reliability: Reliability | None
    intervals: list[CoveredInterval]
    deal_methods: list[ComparedMethod] = Field(description="Log loss on later deals")
    revenue_methods: list[ComparedMethod] = Field(
        description="CRPS of the company's revenue in the newest backtest, as a share of mean revenue"
    )
    targets: list[TargetGroup]
    backtest: KeptBacktest | None
    data: DataHealth
    monitoring: MonitoringReport | None = Field(description="Of the version in service")
