"""What do registered models and their monitoring look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Answer, NextCursor


class ModelVersion(BaseModel):
    """A registered model version."""

    name: str
    version: str
    trained_at: str | None
    aliases: list[str] = Field(examples=[["champion"]])
    metrics: dict[str, float] = Field(description="On deals after its training data")
    gate_decision: str | None = Field(description="Whether it was promoted after training, and why")
    promoted_by: str | None = Field(None, description="Who put it in service by hand, last")
    promoted_because: str | None = Field(None, description="Why")
    promoted_at: str | None = Field(None, description="When")


class ScoreDifference(BaseModel):
    """The model's mean score minus a method's on the same rows, with its 95 % interval; below 0 = better."""

    mean: float | None
    lo: float | None
    hi: float | None


class MethodScores(BaseModel):
    """What one method scored on the rows that the model was judged on."""

    name: str = Field(examples=["stage_rates"])
    label: str = Field(examples=["Stage-rate table"])
    variant: str | None = Field(None, description="Of a baseline: the variant that was best before the rows")
    log_loss: float | None = None
    brier: float | None = None
    auc: float | None = None
    calibration_error: float | None = None
    slope: float | None = None
    mean: float | None = Field(None, description="Mean predicted probability")
    rate: float | None = Field(None, description="Share that was won")
    log_loss_difference: ScoreDifference | None = None
    brier_difference: ScoreDifference | None = None


class WonInTheEnd(BaseModel):
    """Share won in the end of later open deals: as said, as it happened, and its bounds."""

    said: float | None
    happened: float | None
    lo: float | None
    hi: float | None
    moments: int
    deals: int
    still_open: float | None = Field(description="Share of the moments whose deal has not ended")
    least: float | None = Field(None, description="Share won if all deals still open are lost")
    most: float | None = Field(None, description="Share won if they are all won")


class ModelEvaluation(BaseModel):
    """How good a version was on deals after its training data, beside the baseline methods."""

    rows: int | None
    deals: int
    methods: list[MethodScores]
    in_the_end: WonInTheEnd | None


class ModelDetails(Answer):
    """A version, and its evaluation on later deals; null where there were too few."""

    version: ModelVersion
    evaluation: ModelEvaluation | None


class Promotion(BaseModel):
    """Who puts a version in service, and why; both are kept with it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"by": "Sato", "because": "agreed in the review"}]}
    )

    by: str | None = Field(None, max_length=500, description="Default: the name of the API key")
    because: str | None = Field(None, max_length=500)


class SegmentCalibration(BaseModel):
    """Wins expected and wins observed since the training: of all deals (null), or of a segment."""

    segment: dict[str, str] | None
    deals: int
    rows: int
    expected: float = Field(description="By the model, corrected by its error in training")
    observed: float
    log_odds_shift: float = Field(
        description="Of the log-odds of a win since then; of a segment, compared with all other deals"
    )
    interval: list[float] = Field(description="95 % interval of log_odds_shift")
    p_value: float
    alarm: bool


class FeatureDrift(BaseModel):
    """How far the distribution of a feature moved since the training."""

    feature: str
    label: str
    psi: float = Field(description="Population stability index; 0 = no change")
    importance: float = Field(description="Share of all contributions to scores")
    p_value: float
    alarm: bool


class ScoreDrift(BaseModel):
    """How far the distribution of win probabilities moved since the training."""

    psi: float = Field(description="Population stability index; 0 = no change")
    p_value: float
    alarm: bool


class MonitoringReport(BaseModel):
    """How the model in service performs on new data, and whether to retrain."""

    as_of: str = Field(description="Moment of the check; at most a quarter of an hour ago")
    retrain: bool
    reasons: list[str]
    model_as_of: str = Field(description="Moment up to which the model's training data reach")
    closed_deals_since: int
    closed_deals_in_training: int
    horizon_days: float | None
    quality: dict[str, float | None] | None
    calibration: list[SegmentCalibration]
    feature_drift: list[FeatureDrift]
    score_drift: ScoreDrift | None


class ModelList(Answer):
    """Registered models, newest first, and the monitoring of the one in service."""

    models: list[ModelVersion]
    next_cursor: NextCursor = None
    monitoring: MonitoringReport


class Interval(BaseModel):
    """A figure with its 95 % interval; null where it is undefined."""

    mean: float | None
    lo: float | None
    hi: float | None


class ComparedModel(BaseModel):
    """One of two models that are compared, and how it did on their rows."""

    name: str
    version: str | None = Field(description="null = a candidate that is not registered")
    as_of: str = Field(description="Moment up to which its data reach")
    log_loss: float | None
    brier: float | None
    calibration_error: float | None
    calibration_luck: float | None = Field(description="What luck alone gives where probabilities are right")
    slope: float | None = Field(description="Of outcomes on log-odds; below 1 = too sure")
    calibration_is_off: bool


class ComparedRows(BaseModel):
    """Where rows come from: later than both models' data, or the proofs that both were stored with."""

    basis: Literal["later_rows", "proofs"]
    deals: int
    rows: int
    first: str
    last: str
    a_fitted_until: str = Field(description="Moment up to which the model that answered for A was fitted")
    b_fitted_until: str


class ComparedSegment(BaseModel):
    """A part of the rows; the verdict allows for how many parts were looked at."""

    kind: str = Field(
        description="stage, horizon, moment, product, source, seller_team, seller_style, size or amount"
    )
    level: str
    kind_label: str
    level_label: str
    rows: int
    deals: int
    log_loss_difference: Interval
    p_value: float | None
    verdict: Literal["better", "worse", "no_difference"]


class ModelComparison(Answer):
    """Model A against model B on the same rows, which neither was fitted on; differences are A minus B."""

    a: ComparedModel
    b: ComparedModel
    until: str = Field(description="Moment up to which outcomes are known")
    verdict: Literal["better", "not_worse", "worse", "cannot_tell"] = Field(description="On A")
    text: str
    rows: int
    deals: int
    log_loss_difference: Interval
    brier_difference: Interval
    parts: list[ComparedRows]
    segments: list[ComparedSegment] = Field(description="With at least 30 deals")
    false_discovery_rate: float = Field(description="Share of the segments' verdicts that luck may make")


class AnswerDifferences(BaseModel):
    """Shadow minus shown, as probabilities."""

    mean: float | None
    mean_size: float | None
    p10: float | None
    p50: float | None
    p90: float | None
    beyond_5pp: float | None = Field(description="Share of the answers that differ by more than five points")


class StageDifferences(AnswerDifferences):
    """Shadow minus shown of the chance in the end, of the deals in a stage."""

    stage: str
    answers: int


class ShadowReport(BaseModel):
    """How the answers of the shadow differ from those shown, and who is right where outcomes are known."""

    answers: int
    deals: int
    first: str | None
    last: str | None
    difference_in_the_end: AnswerDifferences
    difference_by_period_end: AnswerDifferences
    stages: list[StageDifferences]
    verdict: Literal["better", "not_worse", "worse", "cannot_tell"] | None = Field(
        description="On the shadow; null = no outcome is known yet"
    )
    outcome_rows: int
    outcome_deals: int
    log_loss_difference: Interval | None = Field(description="Shadow minus shown")


class ShadowQueue(BaseModel):
    """What became of the deals asked for since this process started."""

    scored: int
    dropped: int = Field(description="Too many waited, or the store was out of reach")
    failed: int
    waiting: int


class ShadowState(Answer):
    """The version that answers without being shown."""

    version: str | None
    text: str
    report: ShadowReport | None
    queue: ShadowQueue
