"""What do jobs look like: imports, trainings, and how far they are?"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from service.schemas.base import AnswerWarning, ModelInfo

State = Literal["queued", "running", "done", "failed", "cancelled"]


class JobProgress(BaseModel):
    """How far a job is: what is being done, and `done` of `total` of it; null = not known."""

    step: str = Field(examples=["データを読み込んでいます"])
    done: int | None
    total: int | None


class JobError(BaseModel):
    """Why a job failed, in a sentence that says what to do."""

    code: str = Field(examples=["no_files"])
    message: str


class JobState(BaseModel):
    """A job; `result` once it is done."""

    job_id: str = Field(examples=["3f9c2a1b7d5e6f80"])
    kind: str = Field(examples=["import"])
    state: State
    requested_by: str | None = Field(description="Name of the key that asked for it; null = a schedule")
    created_at: str
    due_at: str
    started_at: str | None
    finished_at: str | None
    attempts: int = Field(
        description="How often it was begun: again after a worker died or the store was away"
    )
    cancel_asked: bool
    progress: JobProgress | None
    seconds_left: int | None = Field(
        None, description="About how long it still takes, by what is done of it; null = not known"
    )
    request: dict[str, Any] = Field(description="What was asked for")
    result: dict[str, Any] | None = Field(
        description="Of an import: rows by table and file, errors, notices; of a training: version, "
        "whether it was promoted, the gate's code and message"
    )
    error: JobError | None


class JobAnswer(JobState):
    """A job, with what every answer carries."""

    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobState]
    next_cursor: str | None
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class TrainingRequest(BaseModel):
    """A training: on what was known when, whether only when it is needed, whether it may be promoted."""

    model_config = ConfigDict(extra="forbid")

    as_of: str | None = Field(None, description="Default now; a date means its end", max_length=40)
    if_needed: StrictBool = Field(False, description="Only where the model in service needs retraining")
    promote: StrictBool = Field(True, description="Promote past the gate; else only register")
