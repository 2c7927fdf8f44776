"""What do registered models and their monitoring look like?"""

from __future__ import annotations

from pydantic import BaseModel, Field

from sancho.service.schemas.base import Answer


class ModelVersion(BaseModel):
    """A registered model version."""

    name: str
    version: str
    trained_at: str | None
    aliases: list[str] = Field(examples=[["champion"]])
    figures: dict[str, float] = Field(description="On later deals, from its training")
    gate: str | None = Field(description="What the gate said when it was judged")


class SegmentCalibration(BaseModel):
    """Wins the model expected and wins that came since it was made: of all deals, or of a segment."""

    segment: dict[str, str] | None
    deals: int
    rows: int
    expected: float = Field(description="By the model, corrected by how far it missed in training")
    came: float
    shift: float = Field(
        description="In the log-odds of winning since; of a segment, against all other deals"
    )
    interval: list[float] = Field(description="95 % interval of the shift")
    p_value: float
    alarm: bool


class FeatureDrift(BaseModel):
    """How far a feature moved since the model was made."""

    feature: str
    label: str
    index: float = Field(description="Population stability index; 0 = alike")
    weight: float = Field(description="Share of all contributions to scores")
    p_value: float
    alarm: bool


class ScoreDrift(BaseModel):
    """How far win probabilities moved since the model was made."""

    index: float = Field(description="Population stability index; 0 = alike")
    p_value: float
    alarm: bool


class MonitoringReport(BaseModel):
    """What became of the model in service, and whether to train anew."""

    as_of: str = Field(description="Up to when was looked; at most a quarter of an hour ago")
    retrain: bool
    reasons: list[str]
    since: str
    closed_since: int
    closed_learned: int
    horizon_days: float | None
    quality: dict[str, float | None] | None
    promises: list[SegmentCalibration]
    drift: list[FeatureDrift]
    score_drift: ScoreDrift | None


class ModelList(Answer):
    """The registry."""

    models: list[ModelVersion]
    watch: MonitoringReport
